package import CheckpointCore

/// A pass over the tensors of a list. Those that view the same elements are one item: what is found of
/// the first holds for the others.
package struct TensorPass<Outcome: RecordedOutcome>: ElementPass {
  let list: [(tensor: TensorInfo, aliasOf: TensorName?)]
  private let originals: [TensorInfo]
  private let find: @Sendable (TensorInfo) throws -> Outcome
  package let threads: Int

  /// - Parameter find: what is to be found of a tensor.
  init(
    _ tensors: [TensorInfo], threads: Int,
    find: @escaping @Sendable (TensorInfo) throws -> Outcome
  ) {
    list = withAliases(tensors)
    originals = list.filter { $0.aliasOf == nil }.map(\.tensor)
    self.threads = threads
    self.find = find
  }

  package var items: [WorkItem] { originals.map { WorkItem($0) } }

  package func outcome(of index: Int) throws -> Outcome { try find(originals[index]) }

  /// What was found, under the names of all tensors.
  ///
  /// - Parameter outcomes: one per item.
  package func byName(_ outcomes: [Outcome]) -> [TensorName: Outcome] {
    let found = Dictionary(
      zip(originals.map(\.name), outcomes), uniquingKeysWith: { first, _ in first })
    return Dictionary(
      list.compactMap { item in
        found[item.aliasOf ?? item.tensor.name].map { (item.tensor.name, $0) }
      }, uniquingKeysWith: { first, _ in first })
  }
}
