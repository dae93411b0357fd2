import Bytes
import CheckpointCore

/// Decodes MessagePack from a file without reading binary data.
///
///     00…7F, E0…FF   a small integer            C0, C2, C3   nil, false, true
///     80…8F, DE, DF  a map                      CA, CB       a float of 4 or 8 bytes
///     90…9F, DC, DD  an array                   CC…CF        an unsigned integer
///     A0…BF, D9…DB   a string                   D0…D3        a signed integer
///     C4…C6          binary data                C7…C9, D4…D8 an extension: type, payload
///
/// Counts and lengths follow the first byte in 1, 2 or 4 bytes, all numbers big-endian.
/// Source: the specification at msgpack.org.
struct MessagePackDecoder {
  private var cursor: FileCursor
  private var tree = MessagePackTree()
  /// The end of what is decoded: of the file, or of the payload of an extension.
  private var end: Int
  private var depth = 0
  private let isNested: (Int8) -> Bool

  /// A chunked array is a map in a map, of extensions with an array in them.
  private static let maximumDepth = StructureLimits.depth + 4
  /// Names and strings beyond this are data in the wrong place.
  private static let maximumStringLength = 1 << 24

  /// Decodes the one value that fills the file.
  ///
  /// - Parameter isNested: whether the payload of an extension of this type is MessagePack.
  static func decode(
    _ file: RandomAccessFile, isNested: @escaping (Int8) -> Bool
  ) throws -> MessagePackTree {
    var decoder = MessagePackDecoder(
      cursor: FileCursor(file), end: file.size, isNested: isNested)
    try decoder.value()
    try decoder.checkEnd()
    return decoder.tree
  }

  private init(cursor: FileCursor, end: Int, isNested: @escaping (Int8) -> Bool) {
    (self.cursor, self.end, self.isNested) = (cursor, end, isNested)
  }

  private func checkEnd() throws {
    guard cursor.position == end else {
      throw failure("\(end - cursor.position) bytes follow the value")
    }
  }

  private func failure(_ message: String) -> CheckpointError {
    CheckpointError(
      "this is not valid MessagePack at byte \(cursor.position): \(message)",
      advice: "the file is damaged or of another format")
  }

  private mutating func value() throws {
    guard tree.values.count < StructureLimits.values else {
      throw CheckpointError.beyondLimit("values", limit: StructureLimits.values)
    }
    let byte = try big(UInt8.self)
    switch byte {
    case 0x00...0x7F: add(Int(byte))
    case 0x80...0x8F: try container(.map, Int(byte & 0x0F))
    case 0x90...0x9F: try container(.array, Int(byte & 0x0F))
    case 0xA0...0xBF: try string(Int(byte & 0x1F))
    case 0xC0: tree.add(.nothing)
    case 0xC2, 0xC3: tree.add(.bool, payload: UInt64(byte & 1))
    case 0xC4...0xC6: try binary(try length(byte - 0xC4))
    case 0xC7...0xC9: try ext(try length(byte - 0xC7))
    case 0xCA: add(Double(Float(bitPattern: try big(UInt32.self))))
    case 0xCB: add(Double(bitPattern: try big(UInt64.self)))
    case 0xCC...0xCE: add(try length(byte - 0xCC))
    case 0xCF:
      let value = try big(UInt64.self)
      tree.add(value > UInt64(Int64.max) ? .unsigned : .int, payload: value)
    case 0xD0: add(Int(try big(Int8.self)))
    case 0xD1: add(Int(try big(Int16.self)))
    case 0xD2: add(Int(try big(Int32.self)))
    case 0xD3: add(Int(try big(Int64.self)))
    case 0xD4...0xD8: try ext(1 << Int(byte - 0xD4))
    case 0xD9...0xDB: try string(try length(byte - 0xD9))
    case 0xDC, 0xDD: try container(.array, try length(byte - 0xDC + 1))
    case 0xDE, 0xDF: try container(.map, try length(byte - 0xDE + 1))
    case 0xE0...0xFF: add(Int(Int8(bitPattern: byte)))
    default: throw failure("the byte 0x\(String(byte, radix: 16)) begins no value")
    }
  }

  private mutating func add(_ value: Int) {
    tree.add(.int, payload: UInt64(bitPattern: Int64(value)))
  }

  private mutating func add(_ value: Double) { tree.add(.float, payload: value.bitPattern) }

  private mutating func big<T: FixedWidthInteger>(_: T.Type) throws -> T {
    guard cursor.position + MemoryLayout<T>.size <= end else { throw failure("it ends early") }
    return try cursor.readBigEndian(T.self, "the MessagePack data")
  }

  /// An unsigned number of 1, 2 or 4 bytes.
  private mutating func length(_ size: UInt8) throws -> Int {
    switch size {
    case 0: Int(try big(UInt8.self))
    case 1: Int(try big(UInt16.self))
    default: Int(try big(UInt32.self))
    }
  }

  private func checkData(_ count: Int) throws {
    guard count <= end - cursor.position else {
      throw failure("\(count) bytes of data claimed, \(end - cursor.position) remain")
    }
  }

  private mutating func binary(_ count: Int) throws {
    try checkData(count)
    let start = try cursor.skip(count, "the MessagePack data")
    _ = tree.open(.init(kind: .binary, count: UInt32(count), payload: UInt64(start)))
  }

  private mutating func ext(_ count: Int) throws {
    let type = try big(Int8.self)
    try checkData(count)
    let start = cursor.position
    let index = tree.open(
      .init(kind: .ext, type: type, count: UInt32(count), payload: UInt64(start)))
    guard isNested(type) else {
      _ = try cursor.skip(count, "the MessagePack data")
      return
    }
    let outer = end
    end = start + count
    try nested { (decoder) in try decoder.value() }
    try checkEnd()
    end = outer
    tree.close(index)
  }

  private mutating func string(_ count: Int) throws {
    guard count <= Self.maximumStringLength, count <= end - cursor.position else {
      throw failure("a string of \(count) bytes")
    }
    let bytes = try cursor.read(count, "a string")
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw failure("a string that is not UTF-8")
    }
    tree.addString(bytes)
  }

  /// Each item takes at least a byte, so a count is bounded by what remains.
  private mutating func container(_ kind: MessagePackTree.Kind, _ count: Int) throws {
    guard count <= end - cursor.position else {
      throw failure("\(count) items claimed in \(end - cursor.position) bytes")
    }
    guard count <= StructureLimits.entries else {
      throw CheckpointError.beyondLimit("entries", limit: StructureLimits.entries)
    }
    let index = tree.open(.init(kind: kind, count: UInt32(count)))
    try nested { decoder in
      for _ in 0..<(kind == .map ? 2 * count : count) { try decoder.value() }
    }
    tree.close(index)
  }

  private mutating func nested(_ decode: (inout MessagePackDecoder) throws -> Void) throws {
    depth += 1
    guard depth <= Self.maximumDepth else {
      throw failure("nested more than \(StructureLimits.depth) levels deep")
    }
    try decode(&self)
    depth -= 1
  }
}
