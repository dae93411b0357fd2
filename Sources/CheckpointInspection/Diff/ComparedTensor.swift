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

  /// Bytes of the elements.
  var byteCount: Int { shape.count * dtype.itemSize }

  func read() throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    try produce { _, run in
      unsafe run.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }
}
