import CheckpointCore

/// What a comparison comes to, in a sentence.
public struct DiffVerdict: Sendable, Equatable {
  /// The kinds of results; the raw values are what `diff --json` prints.
  public enum Kind: String, Sendable, CaseIterable {
    /// The two agree.
    case same
    /// There was nothing to compare.
    case nothingCompared = "nothing_compared"
    /// Names, shapes and values agree, each value rounded to another dtype.
    case otherDtype = "other_dtype"
    /// Every tensor is there, some under another name.
    case renamed
    /// What one side has more is all that differs.
    case additions
    case removals
    /// The model agrees; what a run keeps beside it does not.
    case onlyOptimizer = "only_optimizer"
    case onlyTrainingState = "only_training_state"
    /// Names and shapes agree, values do not.
    case changed
    /// Names or shapes differ.
    case otherArchitecture = "other_architecture"
  }

  /// Which of them it is.
  public let kind: Kind
  /// The sentence.
  public let text: String

  /// - Parameters:
  ///   - first: what the first side is called; `second` the second.
  public init(_ diff: CheckpointDiff, first: String, second: String) {
    let groups = DiffGroups(diff)
    (kind, text) =
      Self.agreement(diff, groups) ?? Self.partial(groups, first, second)
      ?? Self.architecture(diff, groups)
  }

  /// The two agree in all that matters.
  private static func agreement(_ diff: CheckpointDiff, _ groups: DiffGroups) -> (Kind, String)? {
    if diff.differences.isEmpty {
      return diff.comparedCount == 0
        ? (.nothingCompared, "nothing was compared") : (.same, "no differences")
    }
    guard groups.changed.isEmpty, groups.shapes.isEmpty, groups.hasAllByContent else { return nil }
    let isRenamed = !groups.onlyInFirst.isEmpty
    if groups.dtypes.isEmpty {
      return (.renamed, "the same weights, \(counted(groups.onlyInFirst.count, "tensor")) renamed")
    }
    guard !isRenamed, groups.recast.isEmpty else { return nil }
    let pairs = groups.dtypePairs
    let which = pairs.count == 1 ? ": \(pairs[0].1) instead of \(pairs[0].0)" : ""
    let isAll = groups.dtypes.count == diff.comparedCount
    let how = isAll ? "the same weights" : "the same weights, some"
    return (.otherDtype, "\(how) in another dtype\(which)")
  }

  /// One part of a checkpoint is all that differs.
  private static func partial(
    _ groups: DiffGroups, _ first: String, _ second: String
  ) -> (Kind, String)? {
    let isKept = groups.changed.isEmpty && groups.shapes.isEmpty && groups.dtypes.isEmpty
    if isKept, groups.common > 0, groups.onlyInFirst.isEmpty {
      return (.additions, "\(first) plus \(described(groups.onlyInSecond))")
    }
    if isKept, groups.common > 0, groups.onlyInSecond.isEmpty {
      return (.removals, "\(first) without \(described(groups.onlyInFirst))")
    }
    let roles = Set(groups.all.map { StateRole(of: $0.name) })
    guard groups.common > groups.changedNames.count else { return nil }
    if roles == [.training] { return (.onlyTrainingState, "only the training state differs") }
    if roles == [.optimizer] || roles == [.optimizer, .training] {
      return (.onlyOptimizer, "only the optimizer differs")
    }
    return nil
  }

  /// `12 LoRA tensors`.
  private static func described(_ tensors: [TensorDifference]) -> String {
    let roles = Set(tensors.map { StateRole(of: $0.name) })
    let adjective = roles.count == 1 ? roles.first?.adjective ?? "" : ""
    return counted(tensors.count, adjective + "tensor")
  }

  private static func architecture(_ diff: CheckpointDiff, _ groups: DiffGroups) -> (Kind, String) {
    let renamed = groups.onlyInFirst.count { $0.sameContentAs != nil }
    let changes =
      "\(thousands(groups.changed.count)) of \(counted(diff.comparedCount, "tensor")) changed"
    if groups.shapes.isEmpty, groups.hasAllByContent {
      let dtypes = groups.dtypes.isEmpty ? "" : " in another dtype"
      let names = renamed > 0 ? ", \(thousands(renamed)) renamed" : ""
      return (.changed, "same architecture\(dtypes), \(changes)\(names)")
    }
    let counts = [
      (groups.onlyInFirst.count - renamed, "only in the first"),
      (groups.onlyInSecond.count - renamed, "only in the second"),
      (renamed, "renamed"), (groups.shapes.count, "of another shape"),
    ]
    let parts =
      counts.filter { $0.0 > 0 }.map { "\(thousands($0.0)) \($0.1)" }
      + (diff.comparedCount > 0 ? [changes] : [])
    let isApart = diff.commonCount == 0 && renamed == 0
    let what = isApart ? "no name in common" : "another architecture"
    return (.otherArchitecture, "\(what): \(parts.joined(separator: ", "))")
  }
}
