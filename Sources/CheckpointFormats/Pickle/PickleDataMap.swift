/// Which nodes of a pickle hold array data, directly or somewhere below: what must be listed entry
/// by entry, while everything else is one plain value.
struct PickleDataMap {
  private let holding: Set<PickleTree.ID>

  /// - Parameter isData: whether a node itself is array data.
  init(_ tree: PickleTree, isData: (PickleTree.ID) -> Bool) {
    // Breadth-first along reversed edges: no recursion, so depth and cycles do not matter.
    var parents: [PickleTree.ID: [PickleTree.ID]] = [:]
    var queue: [PickleTree.ID] = []
    for id in tree.allIDs {
      if isData(id) { queue.append(id) }
      for child in tree.children(of: id) { parents[child, default: []].append(id) }
    }
    var holding = Set(queue)
    while let id = queue.popLast() {
      for parent in parents[id] ?? [] where holding.insert(parent).inserted {
        queue.append(parent)
      }
    }
    self.holding = holding
  }

  func contains(_ id: PickleTree.ID) -> Bool { holding.contains(id) }
}
