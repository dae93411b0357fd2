import Bytes
package import CheckpointCore

/// The comparison of two checkpoints: names, shapes, dtypes, then values within
/// |a - b| <= atol + rtol·|b|, where NaN equals NaN. Without a tolerance, elements of one dtype are
/// equal where their bits are.
public struct CheckpointDiff: Sendable {
  /// What differs: names that one side alone has, then the tensors of both, in the first's order.
  public let differences: [TensorDifference]
  /// Tensors that differ in whatever way: one whose dtype and values differ is one.
  public var differingCount: Int { Set(differences.map(\.name)).count }
  /// Tensors whose values were compared.
  public let comparedCount: Int
  /// Names that both sides have.
  public let commonCount: Int

  package init(
    _ first: [ComparedTensor], _ second: [ComparedTensor], atol: Double, rtol: Double,
    threads: Int, memory: Int
  ) throws {
    let passes = DiffPasses(
      first, second, atol: atol, rtol: rtol, threads: threads, memory: memory)
    self = try passes.diff()
  }

  fileprivate init(_ differences: [TensorDifference], compared: Int, common: Int) {
    (self.differences, comparedCount, commonCount) = (differences, compared, common)
  }
}

/// The passes over the elements that a comparison takes, and what follows from them.
package struct DiffPasses: Sendable {
  /// The values of the names that both sides have.
  package let values: ValuePass
  /// What the tensors hold that one side alone has, and that may be renamed ones of the other.
  package let contents: ContentPass

  private let gone: [ComparedTensor]
  private let new: [ComparedTensor]

  package init(
    _ first: [ComparedTensor], _ second: [ComparedTensor], atol: Double, rtol: Double,
    threads: Int, memory: Int
  ) {
    let byName = Dictionary(second.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    let firstNames = Set(first.map(\.name))
    values = ValuePass(
      pairs: first.compactMap { tensor in byName[tensor.name].map { (tensor, $0) } },
      atol: atol, rtol: rtol, threads: threads, budget: MemoryBudget(bytes: memory))
    gone = first.filter { byName[$0.name] == nil }
    new = second.filter { !firstNames.contains($0.name) }
    let wanted = Set(gone.map(Kind.init)).intersection(new.map(Kind.init))
    contents = ContentPass(
      tensors: (gone + new).filter { wanted.contains(Kind($0)) }, threads: threads)
  }

  /// The comparison, made in one go.
  package func diff() throws -> CheckpointDiff {
    diff(values: try values.outcomes(), contents: try contents.outcomes())
  }

  /// - Parameters:
  ///   - found: the outcomes of `values`.
  ///   - digests: those of `contents`.
  package func diff(
    values found: [[TensorDifference.Kind]], contents digests: [String]
  ) -> CheckpointDiff {
    let (gone, new) = renamed(digests)
    return CheckpointDiff(
      gone + new + values.differences(found), compared: values.comparedCount,
      common: values.items.count)
  }

  /// The tensors that one side alone has, each with the other side's of the same elements, where
  /// there is one. Of several with the same elements, as biases of zeros are, both sides must have
  /// as many, which then keep their order: otherwise nothing tells which was renamed.
  private func renamed(
    _ digests: [String]
  ) -> (first: [TensorDifference], second: [TensorDifference]) {
    var first = gone.map { TensorDifference($0, .onlyInFirst) }
    var second = new.map { TensorDifference($0, .onlyInSecond) }
    let digest = Dictionary(
      zip(contents.tensors.map(\.name), digests), uniquingKeysWith: { a, _ in a })
    let ours = Self.members(gone, digest)
    let theirs = Self.members(new, digest)
    for (content, members) in ours {
      guard let others = theirs[content], others.count == members.count else { continue }
      for (member, other) in zip(members, others) {
        first[member].sameContentAs = second[other].name
        second[other].sameContentAs = first[member].name
      }
    }
    return (first, second)
  }

  private struct Kind: Hashable {
    let dtype: DType
    let shape: Shape

    init(_ tensor: ComparedTensor) { (dtype, shape) = (tensor.dtype, tensor.shape) }
  }

  private struct Content: Hashable {
    let kind: Kind
    let digest: String
  }

  /// The positions of the tensors with a digest, by what they hold.
  private static func members(
    _ tensors: [ComparedTensor], _ digest: [TensorName: String]
  ) -> [Content: [Int]] {
    var result: [Content: [Int]] = [:]
    for (position, tensor) in tensors.enumerated() {
      guard let digest = digest[tensor.name] else { continue }
      result[Content(kind: Kind(tensor), digest: digest), default: []].append(position)
    }
    return result
  }
}

/// Compares the values of pairs of tensors.
package struct ValuePass: ElementPass {
  fileprivate let pairs: [(ComparedTensor, ComparedTensor)]
  fileprivate let atol: Double
  fileprivate let rtol: Double
  package let threads: Int
  fileprivate let budget: MemoryBudget

  package var items: [WorkItem] {
    pairs.map { WorkItem(name: $0.name, byteCount: $0.byteCount + $1.byteCount) }
  }

  package func outcome(of index: Int) throws -> [TensorDifference.Kind] {
    let (a, b) = pairs[index]
    return try budget.withBytes(2 * a.byteCount) {
      try ValueComparison.differences(a, b, atol: atol, rtol: rtol)
    }
  }

  fileprivate var comparedCount: Int { pairs.count { $0.shape == $1.shape } }

  fileprivate func differences(_ outcomes: [[TensorDifference.Kind]]) -> [TensorDifference] {
    zip(pairs, outcomes).flatMap { pair, kinds in kinds.map { TensorDifference(pair.0, $0) } }
  }
}

/// Hashes tensors.
package struct ContentPass: ElementPass {
  fileprivate let tensors: [ComparedTensor]
  package let threads: Int

  package var items: [WorkItem] {
    tensors.map { WorkItem(name: $0.name, byteCount: $0.byteCount) }
  }

  package func outcome(of index: Int) throws -> String {
    let hash = SHA256()
    try tensors[index].produce { _, run in hash.update(run) }
    return hexadecimal(hash.finalize())
  }
}
