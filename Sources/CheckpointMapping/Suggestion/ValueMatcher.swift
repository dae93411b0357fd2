import Bytes
import CheckpointCore

/// Finds by value which tensors of the source each target holds, and how it lays them out.
struct ValueMatcher {
  private let source: DraftSide
  private let target: DraftSide
  private let evidence: ValueEvidence

  init(_ source: DraftSide, _ target: DraftSide, _ evidence: ValueEvidence) {
    self.source = source
    self.target = target
    self.evidence = evidence
  }

  func rules() throws -> [DraftRule] {
    let whole = wholePairs()
    let pairs = whole.map { (target: $0.key, sources: [$0.value]) }
    let origins = (pairs + (try sampled(apartFrom: whole))).sorted { $0.target < $1.target }
    let found = try parallelMap(origins.count, threads: evidence.threads) { index in
      let origin = origins[index]
      let solver = LayoutSolver(evidence, target: origin.target, sources: origin.sources)
      return try solver.solve()
    }
    return zip(origins, found).compactMap { origin, solution in
      solution.map { solution in
        DraftRule(
          targets: [target.tensors[origin.target].name],
          content: .tensors(
            sources: solution.sources.map { source.tensors[$0].name }, layout: solution.layout),
          evidence: .values, question: nil)
      }
    }
  }

  /// Targets that hold the numbers of exactly one source, and of no other.
  private func wholePairs() -> [Int: Int] {
    let sources = Dictionary(grouping: evidence.sourcePrints.indices) {
      evidence.sourcePrints[$0]
    }
    let targets = Dictionary(grouping: evidence.targetPrints.indices) {
      evidence.targetPrints[$0]
    }
    var pairs: [Int: Int] = [:]
    for (print, own) in targets where !print.isConstant && own.count == 1 {
      guard let from = sources[print], from.count == 1,
        source.tensors[from[0]].shape.count == target.tensors[own[0]].shape.count
      else { continue }
      pairs[own[0]] = from[0]
    }
    return pairs
  }

  /// Numbers looked for per source.
  private static let sampleCount = 24

  /// For the other targets, the sources of which some numbers occur in them.
  private func sampled(
    apartFrom whole: [Int: Int]
  ) throws -> [(target: Int, sources: [Int])] {
    let taken = Set(whole.values)
    let sources = source.tensors.indices.filter {
      !taken.contains($0) && !evidence.sourcePrints[$0].isConstant
    }
    let targets = target.tensors.indices.filter {
      whole[$0] == nil && !evidence.targetPrints[$0].isConstant
    }
    guard !sources.isEmpty, !targets.isEmpty else { return [] }
    var owner: [UInt64: Int?] = [:]
    for index in sources {
      for bits in try samples(index) {
        if let other = owner[bits], other != index {
          owner[bits] = .some(nil)
        } else {
          owner[bits] = index
        }
      }
    }
    let table = NumberTable(owner.compactMapValues { $0 })
    let hits = try parallelMap(targets.count, threads: evidence.threads) { index in
      try table.owners(in: target.tensors[targets[index]], evidence.targetReader)
    }
    return zip(targets, hits).compactMap { target, owners in
      owners.isEmpty ? nil : (target, owners.sorted())
    }
  }

  /// Numbers of a source, spread over it, none of them zero.
  private func samples(_ index: Int) throws -> [UInt64] {
    let tensor = source.tensors[index]
    let step = max(1, tensor.shape.count / (4 * Self.sampleCount))
    var found: [UInt64] = []
    var values: [Double] = []
    try evidence.sourceReader.stream(tensor) { position, run in
      decodeDoubles(run, tensor.dtype, into: &values)
      var next = (position + step - 1) / step * step
      while next < position + values.count {
        let value = values[next - position]
        if value != 0 { found.append(value.bitPattern) }
        next += step
      }
    }
    return found
  }
}

/// Numbers that are looked for in whole tensors: most are turned away by one look at a bit.
struct NumberTable: Sendable {
  private static let bitCount = 1 << 20
  private let owner: [UInt64: Int]
  private let filter: [Bool]

  init(_ owner: [UInt64: Int]) {
    self.owner = owner
    var filter = [Bool](repeating: false, count: Self.bitCount)
    for bits in owner.keys {
      filter[Int(truncatingIfNeeded: ValueEvidence.mixed(bits)) & (Self.bitCount - 1)] = true
    }
    self.filter = filter
  }

  /// The owner of a number, where it is one that is looked for.
  func owner(of value: Double) -> Int? {
    let bits = value.bitPattern
    guard filter[Int(truncatingIfNeeded: ValueEvidence.mixed(bits)) & (Self.bitCount - 1)] else {
      return nil
    }
    return owner[bits]
  }

  func owners(in tensor: TensorInfo, _ reader: any CheckpointReader) throws -> Set<Int> {
    var found: Set<Int> = []
    var values: [Double] = []
    try reader.stream(tensor) { _, run in
      decodeDoubles(run, tensor.dtype, into: &values)
      for value in values { if let owner = owner(of: value) { found.insert(owner) } }
    }
    return found
  }
}
