import CheckpointCore

/// The differences of two checkpoints by what they are.
struct DiffGroups {
  private(set) var onlyInFirst: [TensorDifference] = []
  private(set) var onlyInSecond: [TensorDifference] = []
  private(set) var shapes: [TensorDifference] = []
  private(set) var dtypes: [TensorDifference] = []
  /// Those of `dtypes` whose values are not merely rounded.
  private(set) var recast: [TensorDifference] = []
  /// Those whose values changed, beyond the rounding to another dtype.
  private(set) var changed: [(difference: TensorDifference, values: ChangedValues)] = []
  /// Names that both sides have.
  let common: Int
  let all: [TensorDifference]

  init(_ diff: CheckpointDiff) {
    all = diff.differences
    common = diff.commonCount
    var casts = Set<TensorName>()
    for difference in all {
      switch difference.kind {
      case .onlyInFirst: onlyInFirst.append(difference)
      case .onlyInSecond: onlyInSecond.append(difference)
      case .shape: shapes.append(difference)
      case .dtype(_, _, let isCast):
        dtypes.append(difference)
        if isCast { casts.insert(difference.name) } else { recast.append(difference) }
      case .values(let values):
        if !casts.contains(difference.name) { changed.append((difference, values)) }
      }
    }
  }

  /// Whether each side has every tensor of the other, under whatever name.
  var hasAllByContent: Bool {
    (onlyInFirst + onlyInSecond).allSatisfy { $0.sameContentAs != nil }
  }

  /// The names whose values changed.
  var changedNames: [TensorName] { changed.map(\.difference.name) }

  /// The pairs of dtypes, each once, in order.
  var dtypePairs: [(DType, DType)] {
    var seen = Set<[DType]>()
    return dtypes.compactMap { difference in
      guard case .dtype(let a, let b, _) = difference.kind, seen.insert([a, b]).inserted else {
        return nil
      }
      return (a, b)
    }
  }
}
