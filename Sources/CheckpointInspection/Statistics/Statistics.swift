import CheckpointCore

/// The figures of one tensor, in float64.
public struct Statistics: Sendable, Equatable {
  /// Elements, NaN and infinities included.
  public package(set) var count = 0
  /// The mean, in float64; NaN where there is no element.
  public package(set) var mean = Double.nan
  /// The sum of squared differences from the mean.
  var squares = Double.nan
  /// Over the values that are not NaN; NaN where there are none.
  public package(set) var minimum = Double.nan
  /// The largest element that is no NaN.
  public package(set) var maximum = Double.nan
  /// Elements that are NaN.
  public package(set) var nanCount = 0
  /// Elements that are an infinity of either sign.
  public package(set) var infinityCount = 0
  /// Elements that are zero of either sign.
  public package(set) var zeroCount = 0
  /// The mean as the published table computes it, where that differs from `mean`.
  package var publishedMean: Double?

  /// The unbiased standard deviation (divisor n - 1); NaN for a single element.
  public var standardDeviation: Double {
    count > 1 ? (squares / Double(count - 1)).squareRoot() : .nan
  }
  /// The population standard deviation (divisor n), as NumPy and clu compute it.
  public var populationDeviation: Double { (squares / Double(count)).squareRoot() }
  /// The norm of the elements over the root of their count.
  public var rootMeanSquare: Double { (mean * mean + squares / Double(count)).squareRoot() }
}

extension Statistics {
  /// Chan, Golub and LeVeque's update: the moments of both sets of numbers from those of each.
  fileprivate mutating func merge(count more: Int, mean other: Double, squares otherSquares: Double)
  {
    guard more > 0 else { return }
    guard count > 0 else {
      (count, mean, squares) = (more, other, otherSquares)
      return
    }
    let combined = Double(count + more)
    let difference = other - mean
    squares += otherSquares + difference * difference * Double(count) * Double(more) / combined
    mean += difference * Double(more) / combined
    count += more
  }

  /// Adds another tensor's figures, as if both were one.
  mutating func add(_ other: Statistics) {
    merge(count: other.count, mean: other.mean, squares: other.squares)
    if !(other.minimum >= minimum), !other.minimum.isNaN { minimum = other.minimum }
    if !(other.maximum <= maximum), !other.maximum.isNaN { maximum = other.maximum }
    nanCount += other.nanCount
    infinityCount += other.infinityCount
    zeroCount += other.zeroCount
    publishedMean = nil
  }

  /// The figures of numbers in memory.
  package init(of values: [Double]) {
    var accumulator = StatisticsAccumulator(values)
    accumulator.addValues()
    self = accumulator.total
  }
}

/// Accumulates statistics chunk by chunk. Each chunk's mean and squares are taken in two passes
/// while it is in the cache, and merged into the total (`Statistics.merge`), so that no large mean
/// swallows a small deviation.
struct StatisticsAccumulator {
  private(set) var total = Statistics()
  private var values: [Double]

  init(_ values: [Double] = []) { self.values = values }

  mutating func add(_ bytes: Span<UInt8>, _ dtype: DType) {
    if dtype == .float32, addFinite(bytes) { return }
    decodeDoubles(bytes, dtype, into: &values)
    addValues()
  }

  /// Adds `values`.
  fileprivate mutating func addValues() {
    var isSpecial = false
    var sum = 0.0
    for value in values {
      sum += value
      isSpecial = isSpecial || !value.isFinite
      if value == 0 { total.zeroCount += 1 }
    }
    if isSpecial { countSpecials() }
    let mean = sum / Double(values.count)
    var squares = 0.0
    for value in values {
      let difference = value - mean
      squares += difference * difference
      if !(value >= total.minimum), !value.isNaN { total.minimum = value }
      if !(value <= total.maximum), !value.isNaN { total.maximum = value }
    }
    total.merge(count: values.count, mean: mean, squares: squares)
  }

  /// The same for float32, four at a time and in one pass: sums of x - c and (x - c)², where c is
  /// near the mean, so that nothing cancels. False, with nothing added, where a value is not
  /// finite, which only the other way counts.
  private mutating func addFinite(_ bytes: Span<UInt8>) -> Bool {
    let count = bytes.count / 4
    guard count >= 64, bytes.count % 4 == 0 else { return false }
    return unsafe bytes.withUnsafeBytes { buffer in
      var center = 0.0
      for index in 0..<64 {
        center +=
          unsafe Double(buffer.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)) / 64
      }
      let shift = SIMD4(repeating: center)
      var (sum, squares) = (SIMD4<Double>(), SIMD4<Double>())
      let first = unsafe buffer.loadUnaligned(as: SIMD4<Float>.self)
      var (low, high) = (first, first)
      var zeros = SIMD4<Int32>()
      for offset in stride(from: 0, to: count / 4 * 16, by: 16) {
        let values = unsafe buffer.loadUnaligned(fromByteOffset: offset, as: SIMD4<Float>.self)
        let difference = SIMD4<Double>(values) - shift
        sum += difference
        squares += difference * difference
        low.replace(with: values, where: values .< low)
        high.replace(with: values, where: values .> high)
        zeros.replace(with: zeros &+ 1, where: values .== 0)
      }
      var (total, totalSquares) = (sum.sum(), squares.sum())
      var (minimum, maximum, zeroCount) = (low.min(), high.max(), Int(zeros.wrappedSum()))
      for index in count / 4 * 4..<count {
        let value = unsafe buffer.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
        total += Double(value) - center
        totalSquares += (Double(value) - center) * (Double(value) - center)
        minimum = min(minimum, value)
        maximum = max(maximum, value)
        if value == 0 { zeroCount += 1 }
      }
      // NaN and infinity reach the sum of squares; finite float32 values cannot overflow it.
      guard totalSquares.isFinite else { return false }
      let mean = total / Double(count)
      self.total.zeroCount += zeroCount
      if !(Double(minimum) >= self.total.minimum) { self.total.minimum = Double(minimum) }
      if !(Double(maximum) <= self.total.maximum) { self.total.maximum = Double(maximum) }
      self.total.merge(
        count: count, mean: center + mean, squares: max(0, totalSquares - mean * total))
      return true
    }
  }

  private mutating func countSpecials() {
    for value in values {
      if value.isNaN { total.nanCount += 1 }
      if value.isInfinite { total.infinityCount += 1 }
    }
  }
}
