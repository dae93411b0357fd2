import CheckpointCore

/// The tensors of a list that hold elements of their own: what is found of one holds for the others
/// that view the same.
struct DistinctTensors: Sendable {
  let list: [(tensor: TensorInfo, aliasOf: TensorName?)]
  let originals: [TensorInfo]

  init(_ tensors: [TensorInfo]) {
    list = withAliases(tensors)
    originals = list.filter { $0.aliasOf == nil }.map(\.tensor)
  }

  var items: [WorkItem] { originals.map { WorkItem($0) } }

  /// What was found of each original, under the names of all that view its elements.
  func byName<Outcome>(_ outcomes: [Outcome]) -> [TensorName: Outcome] {
    let found = Dictionary(
      zip(originals.map(\.name), outcomes), uniquingKeysWith: { first, _ in first })
    return Dictionary(
      list.compactMap { item in
        found[item.aliasOf ?? item.tensor.name].map { (item.tensor.name, $0) }
      }, uniquingKeysWith: { first, _ in first })
  }
}
