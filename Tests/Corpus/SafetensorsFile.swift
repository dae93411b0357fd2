import CheckpointCore

/// A safetensors file in memory, to be changed. Its bytes are plain: a JSON header, then the
/// elements. Read and written here independently of the project's own reader and writer.
public struct SafetensorsFile {
  public struct Tensor: Sendable {
    public var name: String
    public var dtype: String
    public var shape: [Int]
    public var bytes: [UInt8]

    /// The elements of an F32 tensor.
    public var values: [Float] {
      get {
        bytes.withUnsafeBytes { buffer in
          (0..<buffer.count / 4).map {
            Float(bitPattern: buffer.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
          }
        }
      }
      set { bytes = newValue.flatMap { withUnsafeBytes(of: $0.bitPattern) { Array($0) } } }
    }

    public init(_ name: String, _ dtype: String, _ shape: [Int], _ bytes: [UInt8]) {
      (self.name, self.dtype, self.shape, self.bytes) = (name, dtype, shape, bytes)
    }

    /// An F32 tensor.
    public init(_ name: String, _ shape: [Int], _ values: [Float]) {
      self.init(name, "F32", shape, [])
      self.values = values
    }
  }

  struct Malformed: Error {}

  public var tensors: [Tensor] = []
  /// The second names, each with the first.
  public var metadata: [JSONValue.Member] = []

  public init(_ tensors: [Tensor]) { self.tensors = tensors }

  public init(_ file: [UInt8]) throws {
    let length = file[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard case .object(let members) = try JSONParser.parse(Array(file[8..<8 + length])) else {
      throw Malformed()
    }
    for member in members {
      if member.key == "__metadata__", case .object(let items) = member.value {
        metadata = items
        continue
      }
      guard case .string(let dtype)? = member.value["dtype"],
        case .array(let extents)? = member.value["shape"],
        case .array(let offsets)? = member.value["data_offsets"],
        case .int(let begin) = offsets[0], case .int(let end) = offsets[1]
      else { throw Malformed() }
      let shape = extents.map { if case .int(let extent) = $0 { extent } else { 0 } }
      tensors.append(
        Tensor(member.key, dtype, shape, Array(file[8 + length + begin..<8 + length + end])))
    }
  }

  public var bytes: [UInt8] {
    var members: [JSONValue.Member] = []
    if !metadata.isEmpty { members.append(.init("__metadata__", .object(metadata))) }
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.bytes.count
      members.append(
        .init(
          tensor.name,
          .object([
            "dtype": .string(tensor.dtype), "shape": .ints(tensor.shape),
            "data_offsets": .ints([offset, end]),
          ])))
      offset = end
    }
    let header = Array(JSONValue.object(members).serialized().utf8)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    return length + header + tensors.flatMap(\.bytes)
  }

  /// The tensor `name`, which must be there.
  public subscript(name: String) -> Tensor {
    get { tensors[index(of: name)] }
    set { tensors[index(of: name)] = newValue }
  }

  public mutating func remove(_ name: String) { tensors.remove(at: index(of: name)) }

  private func index(of name: String) -> Int {
    guard let index = tensors.firstIndex(where: { $0.name == name }) else {
      fatalError("the good checkpoint has no tensor \(name)")
    }
    return index
  }
}

extension SafetensorsFile.Tensor {
  /// The F32 elements with the one at `index` taken from `source(index)`.
  mutating func rearrange(_ source: ([Int]) -> [Int]) {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    let original = values
    values = original.indices.map { position in
      let index = zip(strides, shape).map { position / $0 % $1 }
      return original[zip(source(index), strides).reduce(0) { $0 + $1.0 * $1.1 }]
    }
  }
}
