import CheckpointCore

/// Accumulates Σ x² and, per axis, Σ x²·index over elements in C order.
struct EnergyCentroid {
  private let extents: [Int]
  /// The extent of the last axis, along which neighbouring elements lie.
  private let line: Int
  private var position = 0
  private var total = 0.0
  private var moments: [Double]
  private var values: [Double] = []

  init(_ shape: Shape) {
    extents = shape.dimensions
    line = max(1, extents.last ?? 1)
    moments = [Double](repeating: 0, count: extents.count)
  }

  mutating func add(_ bytes: Span<UInt8>, _ dtype: DType) {
    // A complex element has two parts and no single place for them.
    guard dtype.numbersPerElement == 1, !extents.isEmpty else { return }
    if dtype == .float32 {
      unsafe bytes.withUnsafeBytes { unsafe addFloats($0) }
    } else {
      decodeDoubles(bytes, dtype, into: &values)
      var start = 0
      while start < values.count {
        let column = position % line
        let count = min(line - column, values.count - start)
        var (energy, moment) = (0.0, 0.0)
        for index in 0..<count {
          let square = values[start + index] * values[start + index]
          energy += square
          moment += square * Double(column + index)
        }
        finishRun(energy, moment, count: count)
        start += count
      }
    }
  }

  /// The same for float32, four at a time.
  private mutating func addFloats(_ buffer: UnsafeRawBufferPointer) {
    let total = buffer.count / 4
    var start = 0
    while start < total {
      let column = position % line
      let count = min(line - column, total - start)
      var (energies, moments) = (SIMD4<Double>(), SIMD4<Double>())
      var places = SIMD4<Double>(0, 1, 2, 3) + Double(column)
      let whole = count / 4 * 4
      for index in stride(from: 0, to: whole, by: 4) {
        let x = SIMD4<Double>(
          unsafe buffer.loadUnaligned(
            fromByteOffset: 4 * (start + index), as: SIMD4<Float>.self))
        let square = x * x
        energies += square
        moments += square * places
        places += 4
      }
      var (energy, moment) = (energies.sum(), moments.sum())
      for index in whole..<count {
        let x = unsafe Double(
          buffer.loadUnaligned(fromByteOffset: 4 * (start + index), as: Float.self))
        energy += x * x
        moment += x * x * Double(column + index)
      }
      finishRun(energy, moment, count: count)
      start += count
    }
  }

  /// Adds a run of elements along the last axis, which begins at `position`.
  private mutating func finishRun(_ energy: Double, _ moment: Double, count: Int) {
    total += energy
    moments[extents.count - 1] += moment
    var rest = position / line
    for axis in extents.indices.dropLast().reversed() {
      moments[axis] += energy * Double(rest % extents[axis])
      rest /= extents[axis]
    }
    position += count
  }

  /// `nil` where there is no energy, or not a finite one.
  var centroid: [Double]? {
    guard total > 0, total.isFinite else { return nil }
    return moments.map { $0 / total }
  }
}
