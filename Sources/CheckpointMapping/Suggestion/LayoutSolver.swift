import Bytes
import CheckpointCore

/// Finds the layout by which a target was made, from where a few of its numbers stand in its sources.
///
/// A layout is affine in the digits of its axes: along each dimension of the target, the position in
/// the source is a sum of digits times strides. One line of numbers along each dimension therefore
/// tells everything; the layout it suggests is then checked against all numbers.
struct LayoutSolver {
  struct Solution {
    /// In the order of the rule's sources.
    let sources: [Int]
    let layout: NamedLayout
  }

  private let evidence: ValueEvidence
  private let target: Int
  private let sources: [Int]

  init(_ evidence: ValueEvidence, target: Int, sources: [Int]) {
    self.evidence = evidence
    self.target = target
    self.sources = sources
  }

  /// Lines are tried through this many numbers of the target: some run through zeros or repeats.
  private static let attempts = 6
  /// A longer line is no dimension of a weight that was rearranged.
  private static let maximumLine = 1 << 22

  func solve() throws -> Solution? {
    let tensor = evidence.targets[target]
    guard tensor.shape.count > 0, tensor.shape.dimensions.allSatisfy({ $0 <= Self.maximumLine })
    else { return nil }
    for attempt in 0..<Self.attempts {
      let start = tensor.shape.count * (2 * attempt + 1) / (2 * Self.attempts)
      guard let base = try nonzero(from: start),
        let lines = try LinePositions(evidence, target: target, sources: sources, through: base)
      else { continue }
      if let solution = solution(lines), try holds(solution) { return solution }
    }
    return nil
  }

  private func holds(_ solution: Solution) throws -> Bool {
    try evidence.holds(
      solution.layout, solution.sources.map { evidence.sources[$0].name },
      [evidence.targets[target].name])
  }

  /// The first number from `start` on that is not zero, as an index into the target.
  private func nonzero(from start: Int) throws -> [Int]? {
    let tensor = evidence.targets[target]
    let window = start..<min(tensor.shape.count, start + 4096)
    let bytes = try evidence.targetReader.read(tensor, elements: window)
    var values: [Double] = []
    decodeDoubles(bytes.span, tensor.dtype, into: &values)
    guard let offset = values.firstIndex(where: { $0 != 0 && !$0.isNaN }) else { return nil }
    return zip(tensor.shape.strides, tensor.shape.dimensions).map { (start + offset) / $0 % $1 }
  }

  private func solution(_ lines: LinePositions) -> Solution? {
    let shape = evidence.targets[target].shape
    var digits: [AxisDigits] = []
    for line in lines.places {
      guard let axis = AxisDigits(line) else { return nil }
      digits.append(axis)
    }
    // Several sources stand along one dimension, or there is one.
    let stacks = digits.indices.filter { digits[$0].order.count > 1 }
    guard stacks.count <= 1 else { return nil }
    let order = stacks.first.map { digits[$0].order } ?? [lines.baseSource]
    let used = order.compactMap { $0 }
    guard let first = used.first, Set(used).count == used.count else { return nil }
    // Where the first number of the target stands in its source.
    var origin = lines.basePosition
    for (axis, index) in zip(digits, lines.base) { origin -= axis.offset(of: index) }
    let composer = FormulaComposer(
      source: evidence.sources[first].shape, target: shape, digits: digits, origin: origin,
      order: order, stacked: stacks.first)
    guard let layout = composer.layout else { return nil }
    return Solution(sources: used, layout: layout)
  }
}

/// Where the numbers on the lines through one element of the target stand in its sources.
struct LinePositions {
  typealias Place = (source: Int, position: Int)?

  let base: [Int]
  let baseSource: Int
  let basePosition: Int
  /// Per dimension, the places of the numbers along it; `nil` for a zero that no source has.
  let places: [[Place]]

  /// A number that occurs more often than this is no help in finding a place.
  private static let maximumPlaces = 16

  /// - Returns: `nil` where a number occurs in no source, or so often that its place is not known.
  init?(
    _ evidence: ValueEvidence, target: Int, sources: [Int], through base: [Int]
  ) throws {
    let tensor = evidence.targets[target]
    let strides = tensor.shape.strides
    let start = zip(base, strides).reduce(0) { $0 + $1.0 * $1.1 }
    let positions = tensor.shape.dimensions.indices.map { axis in
      (0..<tensor.shape.dimensions[axis]).map { start + ($0 - base[axis]) * strides[axis] }
    }
    let wanted = Set(positions.joined()).union([start])
    let values = try Self.values(wanted, of: tensor, evidence.targetReader)
    let table = NumberTable(
      Dictionary(
        values.values.filter { $0 != 0 }.map { ($0.bitPattern, 1) },
        uniquingKeysWith: { first, _ in first }))
    var places: [UInt64: [(source: Int, position: Int)]] = [:]
    for source in sources {
      let from = evidence.sources[source]
      var numbers: [Double] = []
      try evidence.sourceReader.stream(from) { position, run in
        decodeDoubles(run, from.dtype, into: &numbers)
        for (offset, value) in numbers.enumerated() where table.owner(of: value) != nil {
          let bits = value.bitPattern
          guard places[bits]?.count ?? 0 <= Self.maximumPlaces else { continue }
          places[bits, default: []].append((source, position + offset))
        }
      }
    }
    var lines: [[Place]] = []
    for line in positions {
      var candidates: [[(source: Int, position: Int)]] = []
      for position in line {
        guard let value = values[position] else { return nil }
        guard value == 0 || 1...Self.maximumPlaces ~= places[value.bitPattern]?.count ?? 0 else {
          return nil
        }
        candidates.append(value == 0 ? [] : places[value.bitPattern] ?? [])
      }
      lines.append(Self.settled(candidates))
    }
    let own =
      base.isEmpty
      ? values[start].flatMap { places[$0.bitPattern]?.first } : lines[0][base[0]]
    guard let place = own,
      zip(lines, base).allSatisfy({ line, index in
        line[index].map { $0 == place } ?? false
      })
    else { return nil }
    self.base = base
    baseSource = place.source
    basePosition = place.position
    self.places = lines
  }

  /// Where a number occurs several times, as happens by chance among many, its neighbours on the line
  /// tell which place is meant: most steps along a line are the same.
  private static func settled(_ candidates: [[(source: Int, position: Int)]]) -> [Place] {
    var places = candidates.map { $0.count == 1 ? $0[0] : nil }
    var counts: [Int: Int] = [:]
    for case (let a?, let b?) in zip(places, places.dropFirst()) where a.source == b.source {
      counts[b.position - a.position, default: 0] += 1
    }
    let step = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
    func settle(_ index: Int, besides neighbour: Int, _ step: Int) {
      guard candidates[index].count > 1, places[index] == nil,
        candidates.indices.contains(neighbour), let beside = places[neighbour]
      else { return }
      places[index] = candidates[index].first {
        $0.source == beside.source && $0.position == beside.position + step
      }
    }
    for index in candidates.indices { settle(index, besides: index - 1, step) }
    for index in candidates.indices.reversed() { settle(index, besides: index + 1, -step) }
    return zip(places, candidates).map { $0 ?? $1.first }
  }

  private static func values(
    _ positions: Set<Int>, of tensor: TensorInfo, _ reader: any CheckpointReader
  ) throws -> [Int: Double] {
    let sorted = positions.sorted()
    var result: [Int: Double] = [:]
    var next = 0
    var numbers: [Double] = []
    try reader.stream(tensor) { position, run in
      decodeDoubles(run, tensor.dtype, into: &numbers)
      while next < sorted.count, sorted[next] < position + numbers.count {
        result[sorted[next]] = numbers[sorted[next] - position]
        next += 1
      }
    }
    return result
  }
}
