import CheckpointCore

/// The comparison of two tensors of one shape, whose elements come run by run from the second.
struct ValueComparison {
  private let a: ComparedTensor
  private let b: ComparedTensor
  private let atol: Double
  private let rtol: Double
  private let elements: [UInt8]
  private var values = ChangedValues()
  /// Whether each side is, so far, the other one rounded to its dtype.
  private var isFirstRounded: Bool
  private var isSecondRounded: Bool
  private var (x, y): ([Double], [Double]) = ([], [])
  private var rounded: [UInt8] = []

  /// - Parameters:
  ///   - atol: values are equal within |a - b| <= atol + rtol·|b|; NaN equals NaN. Where both
  ///     tolerances are zero, elements of one dtype are equal where their bits are.
  static func differences(
    _ a: ComparedTensor, _ b: ComparedTensor, atol: Double, rtol: Double
  ) throws -> [TensorDifference.Kind] {
    guard a.shape == b.shape else { return [.shape(a.shape, b.shape)] }
    var comparison = try ValueComparison(a, b, atol: atol, rtol: rtol)
    try b.produce { try comparison.add(at: $0, $1) }
    return comparison.finish()
  }

  private init(_ a: ComparedTensor, _ b: ComparedTensor, atol: Double, rtol: Double) throws {
    (self.a, self.b, self.atol, self.rtol) = (a, b, atol, rtol)
    elements = try a.read()
    isFirstRounded = ElementCast.canCast(b.dtype) && ElementCast.targets.contains(a.dtype)
    isSecondRounded = ElementCast.canCast(a.dtype) && ElementCast.targets.contains(b.dtype)
  }

  /// The elements of the first that stand where `count` elements of the second do.
  private func range(at position: Int, _ count: Int) -> Range<Int> {
    position * a.dtype.itemSize..<(position + count) * a.dtype.itemSize
  }

  private mutating func add(at position: Int, _ run: Span<UInt8>) throws {
    let count = run.count / b.dtype.itemSize
    // Another reference: the numbers below belong to this value too.
    let elements = elements
    let own = elements.span.extracting(range(at: position, count))
    if a.dtype == b.dtype, Self.isEqual(own, run) { return }
    Self.decode(own, a.dtype, asComplex: b.dtype.isComplex, into: &x)
    Self.decode(run, b.dtype, asComplex: a.dtype.isComplex, into: &y)
    if a.dtype != b.dtype { checkRounding(own, run) }
    let parts = x.count / max(1, count)
    let isExact = atol == 0 && rtol == 0 && a.dtype == b.dtype
    for index in 0..<min(x.count, y.count) {
      if isExact {
        let width = a.dtype.itemSize / parts
        let bytes = index * width..<(index + 1) * width
        if Self.isEqual(own.extracting(bytes), run.extracting(bytes)) { continue }
      } else if x[index] == y[index] || (x[index].isNaN && y[index].isNaN) {
        continue
      }
      compare(x[index], y[index], isExact: isExact, at: position + index / parts)
    }
  }

  /// Notes a pair of numbers that are not the same.
  private mutating func compare(_ x: Double, _ y: Double, isExact: Bool, at element: Int) {
    let difference = abs(x - y)
    values.sum += difference
    values.cross += x * (y - x)
    values.changeSquares += difference * difference
    values.maximum = ChangedValues.larger(values.maximum, difference)
    // An infinity is near nothing but itself, whatever the tolerance.
    let isNear = !isExact && y.isFinite && difference <= atol + rtol * abs(y)
    if isNear { return }
    if values.count == 0 {
      values.firstIndex = Self.unravel(element, a.shape)
      values.first = .init(first: x, second: y)
    }
    values.count += 1
  }

  private mutating func checkRounding(_ first: Span<UInt8>, _ second: Span<UInt8>) {
    if isSecondRounded { isSecondRounded = Self.isRounded(second, x, b.dtype, &rounded) }
    if isFirstRounded { isFirstRounded = Self.isRounded(first, y, a.dtype, &rounded) }
  }

  private static func isRounded(
    _ run: Span<UInt8>, _ values: [Double], _ dtype: DType, _ rounded: inout [UInt8]
  ) -> Bool {
    rounded.removeAll(keepingCapacity: true)
    ElementCast.encode(values, as: dtype, into: &rounded)
    return isEqual(rounded.span, run)
  }

  private mutating func finish() -> [TensorDifference.Kind] {
    var result: [TensorDifference.Kind] = []
    if a.dtype != b.dtype {
      let isCast = values.sum == 0 || isFirstRounded || isSecondRounded
      result.append(.dtype(a.dtype, b.dtype, isCast: isCast))
    }
    guard values.count > 0 else { return result }
    values.elementCount = a.shape.count
    values.numberCount = a.shape.count * max(a.dtype.numbersPerElement, b.dtype.numbersPerElement)
    sumSquares()
    result.append(.values(values))
    return result
  }

  /// Σ a², which only a changed tensor needs.
  private mutating func sumSquares() {
    let elements = elements
    let step = Streaming.chunkSize / a.dtype.itemSize
    for start in stride(from: 0, to: a.shape.count, by: step) {
      let range = range(at: start, min(step, a.shape.count - start))
      decodeDoubles(elements.span.extracting(range), a.dtype, into: &x)
      for value in x { values.squares += value * value }
    }
  }

  /// The numbers of a run; real ones as (real, 0) where the other side is complex.
  private static func decode(
    _ bytes: Span<UInt8>, _ dtype: DType, asComplex: Bool, into values: inout [Double]
  ) {
    decodeDoubles(bytes, dtype, into: &values)
    if asComplex, !dtype.isComplex { values = values.flatMap { [$0, 0] } }
  }

  private static func isEqual(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
    unsafe a.withUnsafeBufferPointer { a in
      unsafe b.withUnsafeBufferPointer { unsafe a.elementsEqual($0) }
    }
  }

  private static func unravel(_ element: Int, _ shape: Shape) -> [Int] {
    zip(shape.dimensions, shape.strides).map { (element / $1) % $0 }
  }
}
