import Bytes
import CheckpointCore

/// The comparison of two checkpoints: names, shapes, dtypes, then values within
/// |a - b| <= atol + rtol·|b|, where NaN equals NaN. Without a tolerance, elements of one dtype are
/// equal where their bits are.
public struct CheckpointDiff: Sendable {
  public let differences: [TensorDifference]
  /// Tensors whose values were compared.
  public let comparedCount: Int
  /// Names that both sides have.
  public let commonCount: Int

  public init(
    _ first: [ComparedTensor], _ second: [ComparedTensor], atol: Double, rtol: Double,
    threads: Int, memory: Int
  ) throws {
    let byName = Dictionary(second.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    let firstNames = Set(first.map(\.name))
    let pairs = first.compactMap { tensor in byName[tensor.name].map { (tensor, $0) } }
    let budget = MemoryBudget(bytes: memory)
    let results = try parallelMap(pairs.count, threads: threads) { index in
      let (a, b) = pairs[index]
      return try budget.withBytes(2 * a.byteCount) {
        try ValueComparison.differences(a, b, atol: atol, rtol: rtol)
      }
    }
    let (gone, new) = try Self.renamed(
      first.filter { byName[$0.name] == nil }, second.filter { !firstNames.contains($0.name) },
      threads: threads)
    differences = gone + new + results.flatMap(\.self)
    commonCount = pairs.count
    comparedCount = pairs.count { $0.shape == $1.shape }
  }

  /// The tensors that one side alone has, each with the other side's of the same elements, where
  /// there is one. Of several with the same elements, as biases of zeros are, both sides must have
  /// as many, which then keep their order: otherwise nothing tells which was renamed.
  private static func renamed(
    _ first: [ComparedTensor], _ second: [ComparedTensor], threads: Int
  ) throws -> (first: [TensorDifference], second: [TensorDifference]) {
    var gone = first.map { TensorDifference($0, .onlyInFirst) }
    var new = second.map { TensorDifference($0, .onlyInSecond) }
    let wanted = Set(second.map(Kind.init)).intersection(first.map(Kind.init))
    let ours = try contents(first, wanted, threads)
    let theirs = try contents(second, wanted, threads)
    for (content, members) in ours {
      guard let others = theirs[content], others.count == members.count else { continue }
      for (member, other) in zip(members, others) {
        gone[member].sameContentAs = second[other].name
        new[other].sameContentAs = first[member].name
      }
    }
    return (gone, new)
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

  /// The positions of the tensors of the kinds `wanted`, by what they hold.
  private static func contents(
    _ tensors: [ComparedTensor], _ wanted: Set<Kind>, _ threads: Int
  ) throws -> [Content: [Int]] {
    let positions = tensors.indices.filter { wanted.contains(Kind(tensors[$0])) }
    let digests = try parallelMap(positions.count, threads: threads) { index in
      let hash = SHA256()
      try tensors[positions[index]].produce { _, run in
        hash.update(run)
      }
      return hexadecimal(hash.finalize())
    }
    var result: [Content: [Int]] = [:]
    for (position, digest) in zip(positions, digests) {
      result[Content(kind: Kind(tensors[position]), digest: digest), default: []].append(position)
    }
    return result
  }
}
