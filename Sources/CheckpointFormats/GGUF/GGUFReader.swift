import Bytes
import CheckpointCore

/// A GGUF file, as llama.cpp and its relatives use it.
///
///     0   4   magic "GGUF"
///     4   4   version: 2 or 3; a big-endian file has it, and everything else, in that order
///     8   8   number of tensors
///     16  8   number of keys
///     then    per key: its name, a type (4 bytes), the value
///     then    per tensor: its name, the number of extents (4), the extents (8 each, the fastest first),
///             the type (4), where its data begins in the data section (8)
///     then    padding to a multiple of `general.alignment` (32), and the data section
///
/// A string is its length (8 bytes) and UTF-8; an array is the type of its items (4), their number (8)
/// and the items. Extents are listed the slowest first, as everywhere here. Types of whole elements are
/// tensors; blocks of quantized ones are placeholders, and go by the sizes in `GGMLType`. Limitation:
/// version 1, of 2023, had 32-bit counts and is refused.
///
/// Source: ggml/docs/gguf.md.
struct GGUFReader: StoredCheckpointReader {
  let format = FormatName.gguf
  let formatDescription: String
  let contents: StoredTensors

  static let magic = Array("GGUF".utf8)
  private static let defaultAlignment = 32
  /// An alignment is for memory pages, at most huge ones.
  private static let maximumAlignment = 1 << 30
  private static let maximumExtents = 4

  static func matches(_ prefix: [UInt8]) -> Bool { prefix.starts(with: magic) }

  private struct Entry {
    let name: TensorName
    let shape: Shape
    let type: UInt32
    let offset: Int
  }

  init(_ file: RandomAccessFile) throws {
    var cursor = try GGUFCursor(file)
    let tensorCount = try cursor.count("tensors")
    let keyCount = try cursor.count("keys")
    var values: [(name: TensorName, value: JSONValue)] = []
    for _ in 0..<keyCount { values.append(try cursor.key()) }
    var entries: [Entry] = []
    for _ in 0..<tensorCount { entries.append(try Self.entry(&cursor)) }
    let start = cursor.position.roundedUp(toMultipleOf: try Self.alignment(values))
    var contents = StoredTensors()
    for entry in entries {
      do {
        try Self.add(
          entry, in: file, from: start, isBigEndian: cursor.isBigEndian, to: &contents)
      } catch let error as CheckpointError {
        throw error.inEntry(entry.name.text)
      }
    }
    for (name, value) in values {
      try contents.addValue(name, value, isMetadata: true)
    }
    self.contents = contents
    formatDescription = "GGUF version \(cursor.version)"
  }

  private static func alignment(
    _ values: [(name: TensorName, value: JSONValue)]
  ) throws -> Int {
    guard let stated = values.first(where: { $0.name == "general.alignment" }) else {
      return defaultAlignment
    }
    guard case .int(let alignment) = stated.value, (1...maximumAlignment).contains(alignment)
    else {
      throw CheckpointError(
        entry: stated.name, "an alignment of \(stated.value.serialized())",
        advice: "the file is damaged; fetch it again")
    }
    return alignment
  }

  private static func entry(_ cursor: inout GGUFCursor) throws -> Entry {
    let name = TensorName(try cursor.string("a tensor's name"))
    let rank = Int(try cursor.read(UInt32.self, "a tensor's extents"))
    guard rank <= maximumExtents else {
      throw CheckpointError(
        entry: name, "\(rank) extents; GGUF has at most \(maximumExtents)",
        advice: "the file is damaged; fetch it again")
    }
    let extents = try (0..<rank).map { _ in
      Int(truncatingIfNeeded: try cursor.read(UInt64.self, "a tensor's extents"))
    }
    let type = try cursor.read(UInt32.self, "a tensor's type")
    let offset = Int(truncatingIfNeeded: try cursor.read(UInt64.self, "a tensor's place"))
    guard let shape = Shape(extents.reversed()), offset >= 0 else {
      throw CheckpointError(
        entry: name, "extents of \(extents) at \(offset) do not fit 64 bits",
        advice: "the file is damaged; fetch it again")
    }
    return Entry(name: name, shape: shape, type: type, offset: offset)
  }

  private static func add(
    _ entry: Entry, in file: RandomAccessFile, from start: Int, isBigEndian: Bool,
    to contents: inout StoredTensors
  ) throws {
    guard let type = GGMLType(rawValue: entry.type) else {
      return try contents.addPlaceholder(
        entry.name, .data, "ggml type \(entry.type), which is not known, shape \(entry.shape)")
    }
    guard let size = type.byteCount(entry.shape), let begin = start.addingChecked(entry.offset),
      let end = begin.addingChecked(size), end <= file.size
    else {
      throw CheckpointError(
        "\(type.name) \(entry.shape) from byte \(entry.offset) of the data reaches beyond the file "
          + "of \(file.size) bytes",
        advice: "the file is truncated or damaged; fetch it again")
    }
    guard let dtype = type.dtype else {
      return try contents.addPlaceholder(
        entry.name, .data, "quantized blocks of \(type.name), shape \(entry.shape), \(size) bytes")
    }
    let layout = ElementLayout(
      dtype: dtype, shape: entry.shape, byteOffset: 0, strides: entry.shape.strides,
      isBigEndian: isBigEndian)
    try contents.add(
      entry.name, layout, in: FileSource(file: file, offset: begin, size: size),
      key: entry.name.text)
  }
}

/// The element types of ggml, with the elements and the bytes of a block.
///
/// Source: ggml/include/ggml.h and gguf-py/gguf/constants.py.
struct GGMLType {
  let name: String
  /// `nil` for quantized ones.
  let dtype: DType?
  private let elements: Int
  private let bytes: Int

  init?(rawValue: UInt32) {
    guard let found = Self.all[rawValue] else { return nil }
    (name, dtype, elements, bytes) = found
  }

  /// Bytes of a tensor: whole blocks along its fastest extent. `nil` where they are not, or do not fit
  /// 64 bits.
  func byteCount(_ shape: Shape) -> Int? {
    guard (shape.dimensions.last ?? 1) % elements == 0 else { return nil }
    return (shape.count / elements).multipliedChecked(by: bytes)
  }

  private static let all: [UInt32: (String, DType?, Int, Int)] = [
    0: ("F32", .float32, 1, 4), 1: ("F16", .float16, 1, 2), 24: ("I8", .int8, 1, 1),
    25: ("I16", .int16, 1, 2), 26: ("I32", .int32, 1, 4), 27: ("I64", .int64, 1, 8),
    28: ("F64", .float64, 1, 8), 30: ("BF16", .bfloat16, 1, 2),
    2: ("Q4_0", nil, 32, 18), 3: ("Q4_1", nil, 32, 20), 6: ("Q5_0", nil, 32, 22),
    7: ("Q5_1", nil, 32, 24), 8: ("Q8_0", nil, 32, 34), 9: ("Q8_1", nil, 32, 40),
    10: ("Q2_K", nil, 256, 84), 11: ("Q3_K", nil, 256, 110), 12: ("Q4_K", nil, 256, 144),
    13: ("Q5_K", nil, 256, 176), 14: ("Q6_K", nil, 256, 210), 15: ("Q8_K", nil, 256, 292),
    16: ("IQ2_XXS", nil, 256, 66), 17: ("IQ2_XS", nil, 256, 74), 18: ("IQ3_XXS", nil, 256, 98),
    19: ("IQ1_S", nil, 256, 50), 20: ("IQ4_NL", nil, 32, 18), 21: ("IQ3_S", nil, 256, 110),
    22: ("IQ2_S", nil, 256, 82), 23: ("IQ4_XS", nil, 256, 136), 29: ("IQ1_M", nil, 256, 56),
    34: ("TQ1_0", nil, 256, 54), 35: ("TQ2_0", nil, 256, 66), 39: ("MXFP4", nil, 32, 17),
  ]
}
