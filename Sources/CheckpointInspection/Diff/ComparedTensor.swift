import Bytes
package import CheckpointCore

/// A tensor of one side of a comparison.
package struct ComparedTensor: Sendable {
  package let name: TensorName
  package let dtype: DType
  package let shape: Shape
  /// Produces the elements, each once, as consecutive runs.
  package let produce: @Sendable (ElementSink) throws -> Void

  package init(
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
