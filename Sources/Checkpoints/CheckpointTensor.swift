public import CheckpointCore
public import CheckpointFormats

/// A tensor of an open checkpoint, whose elements can be read.
///
/// Elements are counted in C order, the last dimension the fastest. A range of them reads no more of
/// the file than it needs: of an uncompressed format, those elements alone.
public struct CheckpointTensor: Sendable {
  /// What the checkpoint says of it.
  public let info: TensorInfo
  private let checkpoint: Checkpoint

  init(_ info: TensorInfo, in checkpoint: Checkpoint) {
    self.info = info
    self.checkpoint = checkpoint
  }

  /// The full name.
  public var name: TensorName { info.name }
  /// The type of the elements.
  public var dtype: DType { info.dtype }
  /// The extents.
  public var shape: Shape { info.shape }

  /// The elements of some indices of the first dimension, as a range for the functions below.
  public func rows(_ rows: Range<Int>) -> Range<Int> {
    let width = shape.dimensions.dropFirst().reduce(1, *)
    return rows.lowerBound * width..<rows.upperBound * width
  }

  /// Elements of any dtype as float64, which holds all but the largest 64-bit integers exactly; of a
  /// complex tensor, real and imaginary parts in turn.
  ///
  /// - Parameter range: all elements without it.
  /// - Throws: `CheckpointError` where they cannot be read.
  public func doubles(_ range: Range<Int>? = nil) throws -> [Double] {
    let bytes = try bytes(range)
    var values: [Double] = []
    decodeDoubles(bytes.span, dtype, into: &values)
    return values
  }

  /// Elements of any dtype as float32, rounded where that holds less.
  ///
  /// - Parameter range: all elements without it.
  /// - Throws: `CheckpointError` where they cannot be read.
  public func floats(_ range: Range<Int>? = nil) throws -> [Float] {
    dtype == .float32 ? try elements(range) : try doubles(range).map { Float($0) }
  }

  /// Elements as they are: `let halves: [Float16] = try tensor.elements()`.
  ///
  /// - Parameter range: all elements without it.
  /// - Throws: `CheckpointError` where the tensor has another dtype, or cannot be read.
  public func elements<T: TensorElement>(_ range: Range<Int>? = nil) throws -> [T] {
    guard dtype == T.dtype else {
      throw CheckpointError(
        file: checkpoint.path, entry: name, "its elements are \(dtype), not \(T.dtype)",
        advice: "floats() and doubles() convert them")
    }
    let bytes = try bytes(range)
    let size = MemoryLayout<T>.size
    // Whole elements, of a type that any bits are a value of; little-endian, as this machine is.
    return unsafe bytes.withUnsafeBytes { buffer in
      (0..<buffer.count / size).map {
        unsafe buffer.loadUnaligned(fromByteOffset: $0 * size, as: T.self)
      }
    }
  }

  private func bytes(_ range: Range<Int>?) throws -> [UInt8] {
    try inFile(checkpoint.path) {
      try checkpoint.reader.read(info, elements: range ?? 0..<shape.count)
    }
  }
}

extension Checkpoint {
  /// The tensor of this name; `nil` where there is none. Names are compared as their bytes.
  public subscript(name: TensorName) -> CheckpointTensor? {
    tensors.first { $0.name == name }.map { CheckpointTensor($0, in: self) }
  }

  /// The tensor of this name.
  ///
  /// - Throws: `CheckpointError` where there is none, with the name that comes nearest.
  public func tensor(_ name: TensorName) throws -> CheckpointTensor {
    if let tensor = self[name] { return tensor }
    let reason = placeholders.first { $0.name == name }?.reason
    throw CheckpointError(
      file: path, entry: name, reason ?? "there is no such tensor",
      advice: reason == nil ? suggestion(for: name, among: tensors.map(\.name)) : nil)
  }
}
