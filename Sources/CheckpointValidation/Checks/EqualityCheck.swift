import CheckpointCore
import CheckpointInspection

/// Finds tensors that are equal and should not be, and the other way round.
struct EqualityCheck {
  private let expected: [ExpectedTensor]
  private let tensors: [TensorInfo]
  private let scans: [TensorName: TensorScan]
  private let constraints: [TensorName: TensorConstraints]
  private let stream: @Sendable (TensorInfo, ElementSink) throws -> Void
  private let byName: [TensorName: TensorInfo]

  init(
    _ expected: [ExpectedTensor], _ tensors: [TensorInfo], _ scans: [TensorName: TensorScan],
    _ constraints: [TensorName: TensorConstraints],
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) {
    self.expected = expected
    self.tensors = tensors
    self.scans = scans
    self.constraints = constraints
    self.stream = stream
    byName = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func findings() throws -> [Finding] { try aliases() + equalities() + duplicates() }

  /// Second names: views of the same storage, or at least copies of it.
  private func aliases() throws -> [Finding] {
    try expected.compactMap { expected in
      guard let original = expected.aliasOf, let a = byName[expected.name],
        let b = byName[original],
        try !isSame(a, b)
      else { return nil }
      return Finding(
        .aliasMismatch, tensor: expected.name, expected: "the elements of \(original)",
        found: "others", hint: "loading gives whichever comes last")
    }
  }

  private func equalities() throws -> [Finding] {
    try tensors.compactMap { tensor in
      guard let other = constraints[tensor.name]?.equals else { return nil }
      guard let second = byName[other] else {
        return Finding(
          .notEqual, tensor: tensor.name, expected: "the elements of \(other)",
          found: "no such tensor")
      }
      guard try !isSame(tensor, second) else { return nil }
      return Finding(
        .notEqual, tensor: tensor.name, expected: "the elements of \(other)", found: "others")
    }
  }

  /// Tensors of their own that hold the same elements: exchanged layers often begin as copies.
  private func duplicates() throws -> [Finding] {
    let expectedEqual = Set(expected.filter { $0.aliasOf != nil }.map(\.name))
    var groups: [FigureKey: [TensorInfo]] = [:]
    var order: [FigureKey] = []
    for (tensor, aliasOf) in withAliases(tensors) {
      guard aliasOf == nil, !expectedEqual.contains(tensor.name),
        constraints[tensor.name]?.allowsDuplicates != true,
        constraints[tensor.name]?.equals == nil, !isRecorded(tensor),
        let figures = scans[tensor.name]?.statistics,
        let key = FigureKey(tensor, figures)
      else { continue }
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(tensor)
    }
    return try order.flatMap { key -> [Finding] in
      guard let group = groups[key], let first = group.first else { return [] }
      return try group.dropFirst().filter { try isSame($0, first) }.map {
        Finding(
          .duplicateTensor, tensor: $0.name, expected: "elements of its own",
          found: "those of \(first.name)",
          hint: "say \"duplicates: allow\" or \"equals\" where it is meant")
      }
    }
  }

  /// Whether a tensor's content is the one its schema records.
  private func isRecorded(_ tensor: TensorInfo) -> Bool {
    guard let recorded = constraints[tensor.name]?.sha256 else { return false }
    return scans[tensor.name]?.sha256 == recorded
  }

  private func isSame(_ a: TensorInfo, _ b: TensorInfo) throws -> Bool {
    guard a.shape == b.shape, a.dtype == b.dtype else { return false }
    if let storage = a.storage, storage == b.storage { return true }
    if let first = scans[a.name]?.sha256, let second = scans[b.name]?.sha256 {
      return first == second
    }
    let hash = try CheckpointHash([a, b], threads: 2, stream: stream)
    return hash.tensors[0].sha256 == hash.tensors[1].sha256
  }
}
