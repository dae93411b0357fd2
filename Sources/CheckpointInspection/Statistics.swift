import CheckpointCore

/// The figures of one tensor, in float64.
public struct Statistics: Sendable, Equatable {
  public var count = 0
  public var mean = Double.nan
  /// The sum of squared differences from the mean.
  var squares = Double.nan
  /// Over the values that are not NaN; NaN where there are none.
  public var minimum = Double.nan
  public var maximum = Double.nan
  public var nanCount = 0
  public var infinityCount = 0
  public var zeroCount = 0
  /// The mean as the published table computes it, where that differs from `mean`.
  public var publishedMean: Double?

  /// The unbiased standard deviation (divisor n - 1); NaN for a single element.
  public var standardDeviation: Double {
    count > 1 ? (squares / Double(count - 1)).squareRoot() : .nan
  }
  /// The population standard deviation (divisor n), as NumPy and clu compute it.
  public var populationDeviation: Double { (squares / Double(count)).squareRoot() }
}

/// Accumulates statistics chunk by chunk. Each chunk's mean and squares are taken in two passes
/// while it is in the cache, and merged by Chan, Golub and LeVeque's update, so that no large mean
/// swallows a small deviation.
struct StatisticsAccumulator {
  private(set) var total = Statistics()
  private var values: [Double] = []

  mutating func add(_ bytes: Span<UInt8>, _ dtype: DType) {
    decodeDoubles(bytes, dtype, into: &values)
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
    merge(count: values.count, mean: mean, squares: squares)
  }

  private mutating func countSpecials() {
    for value in values {
      if value.isNaN { total.nanCount += 1 }
      if value.isInfinite { total.infinityCount += 1 }
    }
  }

  private mutating func merge(count: Int, mean: Double, squares: Double) {
    guard count > 0 else { return }
    guard total.count > 0 else {
      (total.count, total.mean, total.squares) = (count, mean, squares)
      return
    }
    let combined = Double(total.count + count)
    let difference = mean - total.mean
    total.squares +=
      squares + difference * difference * Double(total.count) * Double(count) / combined
    total.mean += difference * Double(count) / combined
    total.count += count
  }
}
