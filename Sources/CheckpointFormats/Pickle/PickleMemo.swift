/// A pickle's memo. Picklers number its entries 0, 1, 2, …: those lie in an array, any other number in
/// a dictionary.
struct PickleMemo {
  private var dense: [PickleTree.ID] = []
  private var sparse: [Int: PickleTree.ID] = [:]

  /// The number of entries, which is what MEMOIZE stores under.
  var count: Int { dense.count + sparse.count }

  subscript(number: Int) -> PickleTree.ID? {
    dense.indices.contains(number) ? dense[number] : sparse[number]
  }

  mutating func store(_ id: PickleTree.ID, at number: Int) {
    if dense.indices.contains(number) {
      dense[number] = id
    } else if number == dense.count, sparse[number] == nil {
      dense.append(id)
    } else {
      sparse[number] = id
    }
  }
}
