import CheckpointCore

/// Reads the parameters of one model from a checkpoint, each checked against the shape it must have.
struct ParameterReader: Sendable {
  private let reader: any CheckpointReader
  private let tensors: [String: TensorInfo]

  /// - Parameter root: the path in the file below which the parameters lie.
  init(_ reader: any CheckpointReader, _ entries: [CheckpointEntry], root: String) {
    self.reader = reader
    let below = root.isEmpty ? entries : subtree(of: entries, at: root)
    var tensors: [String: TensorInfo] = [:]
    for case .tensor(let tensor) in below { tensors[tensor.name] = tensor }
    self.tensors = tensors
  }

  /// The elements of `name` in C order.
  func callAsFunction<Scalar: ModelScalar>(
    _ name: String, _ shape: [Int]
  ) throws -> [Scalar] {
    guard let tensor = tensors[name] else {
      throw CheckpointError(
        entry: name, "the model needs this parameter and the file does not have it",
        advice: suggestion(for: name, among: tensors.keys))
    }
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
  func doubles(_ tensor: TensorInfo) throws -> [Double] {
    var all: [Double] = []
    all.reserveCapacity(tensor.shape.count)
    var values: [Double] = []
    try stream(tensor, chunkSize: Streaming.chunkSize) { chunk in
      decodeDoubles(chunk, tensor.dtype, into: &values)
      all += values
    }
    return all
  }
}
