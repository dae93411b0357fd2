public import CheckpointCore

/// The reader of a file that keeps each tensor's elements in one run of bytes, in C order.
///
/// What a header says is not taken on trust: a tensor that reaches beyond the file, a name that comes
/// twice, and more entries than any checkpoint has are refused or listed as what cannot be read.
public struct RawElementsReader: CheckpointReader {
  /// A tensor, and where in the file its elements are.
  public struct Tensor: Sendable {
    /// The full name.
    public let name: TensorName
    /// The type of the elements.
    public let dtype: DType
    /// The extents.
    public let shape: Shape
    /// The byte of the file where the first element begins.
    public let offset: Int

    public init(name: TensorName, dtype: DType, shape: Shape, offset: Int) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
      self.offset = offset
    }
  }

  /// The format's name.
  public let format: FormatName
  /// The format's name for a person.
  public let formatDescription: String
  private let contents: StoredTensors

  /// The tensors in their order, then the values.
  public var entries: [CheckpointEntry] { contents.entries }

  /// - Parameters:
  ///   - description: the format's name for a person, with its variant.
  ///   - tensors: in the order in which they are to be listed.
  ///   - values: plain values beside them, as JSON has them.
  ///   - isBigEndian: whether the bytes of an element come in that order.
  /// - Throws: `CheckpointError` where a tensor reaches beyond the file.
  public init(
    _ file: FormatFile, format: FormatName, description: String, tensors: [Tensor],
    values: [(name: TensorName, value: JSONValue)] = [], isBigEndian: Bool = false
  ) throws {
    var contents = StoredTensors()
    let source = FileSource(file: file.file, offset: 0, size: file.size)
    for tensor in tensors {
      try contents.add(
        tensor.name,
        ElementLayout(
          dtype: tensor.dtype, shape: tensor.shape, byteOffset: tensor.offset,
          strides: tensor.shape.strides, isBigEndian: isBigEndian),
        in: source, key: "\(tensor.offset)")
    }
    for (name, value) in values { try contents.addValue(name, value, isMetadata: true) }
    self.contents = contents
    self.format = format
    formatDescription = description
  }

  /// Streams elements as they are in memory; nothing of the file vouches for them.
  public func stream(
    _ tensor: TensorInfo, elements range: Range<Int>, chunkSize: Int, _ sink: ElementSink
  ) throws {
    try contents.stream(tensor, elements: range, chunkSize: chunkSize, sink)
  }
}
