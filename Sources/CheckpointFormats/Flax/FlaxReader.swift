import Bytes
import CheckpointCore

/// A Flax msgpack file: what `flax.serialization.msgpack_serialize` and `to_bytes` write.
///
/// Nested maps from names to arrays; lists and tuples are maps with the keys "0", "1", ….
///
///     extension 1   an array: MessagePack of [shape, dtype name, elements in C order]
///     extension 2   a Python complex: [real, imaginary]
///     extension 3   a NumPy scalar, encoded as an array of shape ()
///     {"__msgpack_chunked_array__": true, "shape": {"0": …}, "chunks": {"0": …, "1": …}}
///                   an array of more than 1 GiB, flattened and split
///
/// Source: flax/serialization.py.
struct FlaxReader: StoredCheckpointReader {
  let format = FormatName.flax
  let formatDescription = "Flax msgpack"
  let contents: StoredTensors

  /// A map whose first key is a name or a number, or a bare array.
  static func matches(_ prefix: [UInt8]) -> Bool {
    guard let first = prefix.first else { return false }
    switch first {
    case 0x80: return prefix.count == 1
    case 0x81...0x8F: return isKey(prefix.dropFirst().first)
    case 0xDE: return isKey(prefix.dropFirst(3).first)
    case 0xDF: return isKey(prefix.dropFirst(5).first)
    case 0xD4...0xD8: return isArrayType(prefix.dropFirst().first)
    case 0xC7: return isArrayType(prefix.dropFirst(2).first)
    case 0xC8: return isArrayType(prefix.dropFirst(3).first)
    case 0xC9: return isArrayType(prefix.dropFirst(5).first)
    default: return false
    }
  }

  private static func isKey(_ byte: UInt8?) -> Bool {
    guard let byte else { return false }
    return switch byte {
    case 0x00...0x7F, 0xA0...0xBF, 0xC4...0xC6, 0xCC...0xD3, 0xD9...0xDB: true
    default: false
    }
  }

  private static func isArrayType(_ byte: UInt8?) -> Bool { byte == 1 || byte == 3 }

  /// `nil` where the first bytes fit MessagePack by chance: they are no strong signature.
  static func open(_ file: RandomAccessFile, prefix: [UInt8]) throws -> FlaxReader? {
    do {
      return try FlaxReader(file)
    } catch let error as CheckpointError {
      let isName = prefix.dropFirst().prefix(5).contains {
        (0xA1...0xBF).contains($0) || $0 == 0xD9
      }
      if isName { throw error }
      return nil
    }
  }

  init(_ file: RandomAccessFile) throws {
    var walker = FlaxTreeWalker(file)
    try walker.walk(try MessagePackDecoder.decode(file, 0..<file.size), "")
    contents = walker.contents
  }
}

/// The names of Flax's encoding, shared by the reader and the writer.
enum FlaxEncoding {
  static let arrayType: Int8 = 1
  static let complexType: Int8 = 2
  static let scalarType: Int8 = 3
  static let chunkedKey = "__msgpack_chunked_array__"
  /// Arrays beyond this many bytes are split (`MAX_CHUNK_SIZE`).
  static let maximumChunkSize = 1 << 30
}

private struct FlaxTreeWalker {
  private let file: RandomAccessFile
  private(set) var contents = StoredTensors()

  init(_ file: RandomAccessFile) { self.file = file }

  mutating func walk(_ value: MessagePackValue, _ path: TensorName) throws {
    switch value {
    case .map(let items) where !items.isEmpty:
      if isChunked(items) { return try addChunked(items, path) }
      for (key, value) in items {
        try walk(value, path.appending(try name(of: key, in: path), separator: "/"))
      }
    case .array(let items) where !items.isEmpty:
      for (index, item) in items.enumerated() {
        try walk(item, path.appending(String(index), separator: "/"))
      }
    case .ext(FlaxEncoding.arrayType, let range), .ext(FlaxEncoding.scalarType, let range):
      try addArray(range, path)
    case .ext(FlaxEncoding.complexType, _):
      try contents.addPlaceholder(path, .value, "a Python complex number")
    case .ext:
      try contents.addPlaceholder(path, .data, "\(value.summary), which Flax does not define")
    default: try contents.addPlaceholder(path, .value, value.summary)
    }
  }

  private func name(of key: MessagePackValue, in path: TensorName) throws -> String {
    switch key {
    case .string(let text): return text
    case .int(let number): return String(number)
    case .binary(let range): return String(decoding: try read(range), as: UTF8.self)
    default:
      throw CheckpointError(entry: path, "a map with the key \(key.summary); a string expected")
    }
  }

  private func read(_ range: Range<Int>) throws -> [UInt8] {
    try FileSource(file: file, offset: range.lowerBound, size: range.count).read(0..<range.count)
  }

  private struct EncodedArray {
    let shape: Shape
    let typeName: String
    let data: FileSource
  }

  private func decodeArray(_ range: Range<Int>, _ path: TensorName) throws -> EncodedArray {
    guard case .array(let parts) = try MessagePackDecoder.decode(file, range), parts.count == 3,
      case .array(let extents) = parts[0], case .binary(let data) = parts[2]
    else {
      throw CheckpointError(entry: path, "an array should be [shape, dtype name, bytes]")
    }
    let typeName: String
    switch parts[1] {
    case .string(let text): typeName = text
    case .binary(let range) where range.count < 64:
      typeName = String(decoding: try read(range), as: UTF8.self)
    default: throw CheckpointError(entry: path, "its dtype is \(parts[1].summary), not a name")
    }
    let dimensions = extents.compactMap(\.int)
    guard dimensions.count == extents.count, let shape = Shape(dimensions) else {
      throw CheckpointError(entry: path, "its shape is not one of sizes that fit 64 bits")
    }
    return EncodedArray(
      shape: shape, typeName: typeName,
      data: FileSource(file: file, offset: data.lowerBound, size: data.count))
  }

  private mutating func addArray(_ range: Range<Int>, _ path: TensorName) throws {
    do {
      let array = try decodeArray(range, path)
      try add(path, array.typeName, array.shape, in: array.data)
    } catch let error as CheckpointError {
      throw error.inEntry(path.text)
    }
  }

  private mutating func add(
    _ path: TensorName, _ typeName: String, _ shape: Shape, in source: any StorageSource
  ) throws {
    guard let dtype = DType(rawValue: typeName) else {
      return try contents.addPlaceholder(
        path, .data, "an array of \(typeName), which has no element type here, shape \(shape)")
    }
    guard shape.count.multipliedChecked(by: dtype.itemSize) == source.size else {
      throw CheckpointError(
        entry: path,
        "\(dtype) \(shape) takes \(shape.count) × \(dtype.itemSize) bytes, but there are "
          + "\(source.size)",
        advice: "the file is damaged; save it again")
    }
    let layout = ElementLayout(
      dtype: dtype, shape: shape, byteOffset: 0, strides: shape.strides)
    try contents.add(path, layout, in: source, key: path.text)
  }

  private func isChunked(_ items: [(key: MessagePackValue, value: MessagePackValue)]) -> Bool {
    items.contains { if case .string(FlaxEncoding.chunkedKey) = $0.key { true } else { false } }
  }

  private mutating func addChunked(
    _ items: [(key: MessagePackValue, value: MessagePackValue)], _ path: TensorName
  ) throws {
    func member(_ name: String) -> [MessagePackValue]? {
      let found = items.first { if case .string(name) = $0.key { true } else { false } }
      return found.flatMap { orderedItems($0.value) }
    }
    guard let extents = member("shape"), let chunks = member("chunks"),
      let shape = Shape(extents.compactMap(\.int)), shape.rank == extents.count
    else {
      throw CheckpointError(entry: path, "a chunked array should have a 'shape' and 'chunks'")
    }
    let parts = try chunks.map { chunk in
      guard case .ext(FlaxEncoding.arrayType, let range) = chunk else {
        throw CheckpointError(entry: path, "a chunk is \(chunk.summary), not an array")
      }
      return try decodeArray(range, path)
    }
    guard let typeName = parts.first?.typeName, parts.allSatisfy({ $0.typeName == typeName }) else {
      throw CheckpointError(entry: path, "its chunks have different dtypes, or there are none")
    }
    try add(path, typeName, shape, in: ConcatenatedSource(parts.map(\.data)))
  }

  /// A list, or the map from "0", "1", … that Flax makes of one, in the order of the numbers:
  /// "10" comes after "9".
  private func orderedItems(_ value: MessagePackValue) -> [MessagePackValue]? {
    switch value {
    case .array(let items): return items
    case .map(let items):
      let numbered = items.compactMap { item -> (Int, MessagePackValue)? in
        guard case .string(let text) = item.key, let index = Int(text) else { return nil }
        return (index, item.value)
      }.sorted { $0.0 < $1.0 }
      guard numbered.map(\.0) == Array(0..<items.count) else { return nil }
      return numbered.map(\.1)
    default: return nil
    }
  }
}
