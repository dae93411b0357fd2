import CheckpointCore

/// How a tensor's numbers are distributed: on a logarithmic scale of magnitudes, for each sign, one
/// bar per power of two. Zeros, NaN and infinities have no place on it and are counted apart, in
/// `Statistics`.
package struct Histogram: Sendable, Equatable {
  /// The first bars count magnitudes from 2^firstExponent up to twice that, and so on.
  package fileprivate(set) var firstExponent = 0
  /// Numbers by magnitude, of each sign; both have as many bars.
  package fileprivate(set) var negative: [Int] = []
  package fileprivate(set) var positive: [Int] = []
  /// The quantiles at `probabilities`, zeros counted, NaN and infinities not; empty where there are
  /// no numbers. Each lies within a sixteenth of the true one's power of two.
  package fileprivate(set) var quantiles: [Double] = []

  package static let probabilities = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
}

/// Accumulates a histogram chunk by chunk.
///
/// A number's cell is the top of its float32 bits: the sign, the exponent and four bits of the
/// mantissa. That costs a shift and an addition, whatever the range, and is fine enough for quantiles.
struct HistogramAccumulator {
  private static let mantissaBits = 4
  private static let cellsPerSign = 1 << (8 + mantissaBits)
  private static let shift = UInt32(23 - mantissaBits)

  private var counts = [Int](repeating: 0, count: 2 * cellsPerSign)
  private var values: [Double] = []

  mutating func add(_ bytes: Span<UInt8>, _ dtype: DType) {
    switch dtype {
    case .float32: add(bytes, UInt32.self) { Int($0 >> Self.shift) }
    case .bfloat16: add(bytes, UInt16.self) { Int($0) >> (7 - Self.mantissaBits) }
    default:
      decodeDoubles(bytes, dtype, into: &values)
      for value in values { counts[Self.cell(value)] += 1 }
    }
  }

  private mutating func add<T: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: Span<UInt8>, _: T.Type, _ cell: (T) -> Int
  ) {
    let size = MemoryLayout<T>.size
    unsafe bytes.withUnsafeBytes { buffer in
      for offset in stride(from: 0, to: buffer.count / size * size, by: size) {
        counts[
          cell(T(littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: offset, as: T.self)))] +=
          1
      }
    }
  }

  private static func cell(_ value: Double) -> Int {
    // A float64 beyond float32 belongs to the last bar, not to the infinities.
    let single = Float(value)
    let bounded =
      single.isInfinite && value.isFinite
      ? (value < 0 ? -Float.greatestFiniteMagnitude : .greatestFiniteMagnitude) : single
    return Int(bounded.bitPattern >> shift)
  }

  /// - Parameter statistics: of the same elements.
  func histogram(_ statistics: Statistics) -> Histogram {
    let used = counts.indices.filter { counts[$0] > 0 && Self.exponent($0) < Self.infiniteExponent }
    var result = Histogram()
    // The cells of ±0 hold nothing that a bar could show the place of.
    let shown = used.filter { $0 % Self.cellsPerSign != 0 }
    let exponents = shown.map(Self.exponent)
    if let first = exponents.min(), let last = exponents.max() {
      result.firstExponent = first - 127
      result.positive = [Int](repeating: 0, count: last - first + 1)
      result.negative = result.positive
      for (cell, exponent) in zip(shown, exponents) {
        if cell < Self.cellsPerSign {
          result.positive[exponent - first] += counts[cell]
        } else {
          result.negative[exponent - first] += counts[cell]
        }
      }
    }
    result.quantiles = quantiles(statistics, used)
    return result
  }

  /// NaN and infinities.
  private static let infiniteExponent = 255

  /// The biased exponent of a cell's numbers, from 0 for subnormal ones.
  private static func exponent(_ cell: Int) -> Int { (cell % cellsPerSign) >> mantissaBits }

  /// - Parameter used: the cells with finite numbers, in the order of the cells.
  private func quantiles(_ statistics: Statistics, _ used: [Int]) -> [Double] {
    let total = statistics.count - statistics.nanCount - statistics.infinityCount
    // From the most negative number up.
    let cells =
      used.filter { $0 >= Self.cellsPerSign }.reversed() + used.filter { $0 < Self.cellsPerSign }
    var result: [Double] = []
    var below = 0
    for cell in cells {
      while result.count < Histogram.probabilities.count {
        let rank = Histogram.probabilities[result.count] * Double(total - 1)
        guard rank < Double(below + counts[cell]) else { break }
        let part = (rank - Double(below) + 0.5) / Double(counts[cell])
        let value = Self.value(in: cell, part)
        result.append(min(max(value, statistics.minimum), statistics.maximum))
      }
      below += counts[cell]
    }
    return result
  }

  /// The number that lies at `part` of a cell, from its lower to its upper end.
  private static func value(in cell: Int, _ part: Double) -> Double {
    let magnitude = cell % cellsPerSign
    guard magnitude > 0 else { return 0 }
    let low = Double(Float(bitPattern: UInt32(magnitude) << shift))
    let high = Double(Float(bitPattern: UInt32(magnitude + 1) << shift))
    let top = high.isFinite ? high : 2 * low
    return cell < cellsPerSign ? low + part * (top - low) : -(top - part * (top - low))
  }
}
