import Bytes
public import CheckpointCore

/// A tensor of one side of a comparison.
public struct ComparedTensor: Sendable {
  public let name: TensorName
  public let dtype: DType
  public let shape: Shape
  /// Produces the elements, each once, as consecutive runs.
  public let produce: @Sendable (ElementSink) throws -> Void

  public init(
    name: TensorName, dtype: DType, shape: Shape,
    produce: @escaping @Sendable (ElementSink) throws -> Void
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.produce = produce
  }

  fileprivate func read() throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(shape.count * dtype.itemSize)
    try produce { _, run in
      unsafe run.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }
}

/// How two tensors of one name differ.
public struct TensorDifference: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case onlyInFirst
    case onlyInSecond
    case shape(Shape, Shape)
    /// The values are compared as float64 all the same.
    case dtype(DType, DType)
    case values(Values)
  }

  public struct Values: Sendable, Equatable {
    /// Elements beyond the tolerance.
    public var count = 0
    public var maximum = 0.0
    /// The mean of |a - b| over all elements.
    public var mean = 0.0
    /// The index of the first element beyond the tolerance.
    public var firstIndex: [Int] = []
    public var first: (Double, Double) { (firstPair[0], firstPair[1]) }
    fileprivate(set) var firstPair: [Double] = [0, 0]
  }

  public let name: TensorName
  public let kind: Kind
}

/// The comparison of two checkpoints: names, shapes, dtypes, then values within
/// |a - b| <= atol + rtol·|b|, where NaN equals NaN. Without a tolerance, elements of one dtype are
/// equal where their bits are.
public struct CheckpointDiff: Sendable {
  public let differences: [TensorDifference]
  /// Tensors whose values were compared.
  public let comparedCount: Int

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
      return try budget.withBytes(2 * a.shape.count * a.dtype.itemSize) {
        try Self.compare(a, b, atol: atol, rtol: rtol)
      }
    }
    differences =
      first.filter { byName[$0.name] == nil }.map { .init(name: $0.name, kind: .onlyInFirst) }
      + second.filter { !firstNames.contains($0.name) }.map {
        .init(name: $0.name, kind: .onlyInSecond)
      } + results.flatMap(\.self)
    comparedCount = pairs.count { $0.shape == $1.shape }
  }

  private static func compare(
    _ a: ComparedTensor, _ b: ComparedTensor, atol: Double, rtol: Double
  ) throws -> [TensorDifference] {
    guard a.shape == b.shape else {
      return [.init(name: a.name, kind: .shape(a.shape, b.shape))]
    }
    var result: [TensorDifference] = []
    if a.dtype != b.dtype { result.append(.init(name: a.name, kind: .dtype(a.dtype, b.dtype))) }
    let elements = try a.read()
    var values = TensorDifference.Values()
    var sum = 0.0
    let isExact = atol == 0 && rtol == 0 && a.dtype == b.dtype
    var (x, y): ([Double], [Double]) = ([], [])
    try b.produce { position, chunk in
      let count = chunk.count / b.dtype.itemSize
      let from = position * a.dtype.itemSize
      let same = elements.span.extracting(from..<from + count * a.dtype.itemSize)
      if a.dtype == b.dtype, isEqual(same, chunk) { return }
      decode(same, a.dtype, asComplex: b.dtype.isComplex, into: &x)
      decode(chunk, b.dtype, asComplex: a.dtype.isComplex, into: &y)
      let parts = x.count / max(1, count)
      let width = a.dtype.itemSize / parts
      for index in 0..<min(x.count, y.count) {
        let isSame =
          isExact
          ? isEqual(
            same.extracting(index * width..<(index + 1) * width),
            chunk.extracting(index * width..<(index + 1) * width))
          : x[index] == y[index] || (x[index].isNaN && y[index].isNaN)
        if isSame { continue }
        let difference = abs(x[index] - y[index])
        sum += difference
        values.maximum =
          difference.isNaN || values.maximum.isNaN ? .nan : max(values.maximum, difference)
        // An infinity is near nothing but itself, whatever the tolerance.
        let isNear = !isExact && y[index].isFinite && difference <= atol + rtol * abs(y[index])
        if isNear { continue }
        if values.count == 0 {
          values.firstIndex = unravel(position + index / parts, a.shape)
          values.firstPair = [x[index], y[index]]
        }
        values.count += 1
      }
    }
    values.mean = a.shape.count > 0 ? sum / Double(a.shape.count) : 0
    if values.count > 0 { result.append(.init(name: a.name, kind: .values(values))) }
    return result
  }

  /// The numbers of a chunk; real ones as (real, 0) where the other side is complex.
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
