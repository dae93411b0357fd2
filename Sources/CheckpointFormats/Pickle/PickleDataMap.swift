/// The nodes of a pickle by what refers to them, to follow from the data up to what holds it.
///
/// All edges lie in one array, those to node `i` at `starts[i]..<starts[i + 1]`: a pickle of a hundred
/// thousand tensors has millions.
struct PickleParents {
  private let starts: [UInt32]
  private let parents: [PickleTree.ID]

  init(_ tree: PickleTree) {
    var ends = [UInt32](repeating: 0, count: tree.nodeCount + 1)
    for id in tree.allIDs { tree.forEachChild(of: id) { ends[$0.index + 1] += 1 } }
    for index in 1..<ends.count { ends[index] += ends[index - 1] }
    starts = ends
    var parents = [PickleTree.ID](
      repeating: PickleTree.ID(0), count: Int(ends[tree.nodeCount]))
    for id in tree.allIDs {
      tree.forEachChild(of: id) { child in
        parents[Int(ends[child.index])] = id
        ends[child.index] += 1
      }
    }
    self.parents = parents
  }

  func callAsFunction(of id: PickleTree.ID) -> ArraySlice<PickleTree.ID> {
    parents[Int(starts[id.index])..<Int(starts[id.index + 1])]
  }
}

/// Which nodes of a pickle hold array data, directly or somewhere below: what must be listed entry
/// by entry, while everything else is one plain value.
struct PickleDataMap {
  private var holding: [Bool]

  /// - Parameter isData: whether a node itself is array data.
  init(_ tree: PickleTree, _ parents: PickleParents, isData: (PickleTree.ID) -> Bool) {
    // Against the edges, without recursion: neither depth nor cycles matter.
    holding = [Bool](repeating: false, count: tree.nodeCount)
    var queue = tree.allIDs.filter(isData)
    for id in queue { holding[id.index] = true }
    while let id = queue.popLast() {
      for parent in parents(of: id) where !holding[parent.index] {
        holding[parent.index] = true
        queue.append(parent)
      }
    }
  }

  func contains(_ id: PickleTree.ID) -> Bool { holding[id.index] }
}
