package import CheckpointCore

/// Reads the parameters of one model from a checkpoint, each checked against the shape it must have.
package struct ParameterReader: Sendable {
  private let reader: any CheckpointReader
  private let tensors: [TensorName: TensorInfo]

  /// - Parameter root: the path in the file below which the parameters lie.
  package init(_ reader: any CheckpointReader, _ entries: [CheckpointEntry], root: TensorName) {
    self.reader = reader
    let below = root.isEmpty ? entries : subtree(of: entries, at: root)
    var tensors: [TensorName: TensorInfo] = [:]
    for case .tensor(let tensor) in below { tensors[tensor.name] = tensor }
    self.tensors = tensors
  }

  /// The elements of `name` in C order, whatever its shape.
  package func doubles(_ name: TensorName) throws -> [Double] {
    guard let tensor = tensors[name] else { throw missing(name) }
    return try reader.doubles(tensor)
  }

  private func missing(_ name: TensorName) -> CheckpointError {
    CheckpointError(
      entry: name, "the model needs this parameter and the file does not have it",
      advice: suggestion(for: name, among: tensors.keys))
  }

  /// The elements of `name` in C order.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func callAsFunction<Scalar: ModelScalar>(
    _ name: TensorName, _ shape: [Int]
  ) throws -> [Scalar] {
    guard let tensor = tensors[name] else { throw missing(name) }
    guard tensor.shape.dimensions == shape else {
      throw CheckpointError(
        entry: tensor.nameInFile, "shape \(shape) expected, \(tensor.shape.dimensions) found")
    }
    guard ElementCast.canCast(tensor.dtype) else {
      throw CheckpointError(
        entry: tensor.nameInFile, "floating-point numbers expected, \(tensor.dtype) found")
    }
    return try reader.doubles(tensor).map { Scalar($0) }
  }
}

extension CheckpointReader {
  /// The numbers of `tensor` in C order.
  package func doubles(_ tensor: TensorInfo) throws -> [Double] {
    try collectDoubles(tensor.dtype, count: tensor.shape.count) {
      try stream(tensor, chunkSize: Streaming.chunkSize, $0)
    }
  }
}

extension OutputTensor {
  /// The numbers in C order.
  package func doubles() throws -> [Double] {
    try collectDoubles(dtype, count: shape.count, produce)
  }
}
