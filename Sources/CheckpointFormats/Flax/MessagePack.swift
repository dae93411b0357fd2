import Bytes
import CheckpointCore

/// A MessagePack value (the specification at msgpack.org) in a file, its long data left in place.
indirect enum MessagePackValue {
  case nothing
  case bool(Bool)
  case int(Int)
  /// An unsigned integer beyond Int.
  case bigInt(UInt64)
  case float(Double)
  case string(String)
  /// Where the bytes are in the file.
  case binary(Range<Int>)
  case array([MessagePackValue])
  case map([(key: MessagePackValue, value: MessagePackValue)])
  /// The type code and where the payload is in the file.
  case ext(type: Int8, Range<Int>)

  /// What a plain value is, in a few words, for a listing.
  var summary: String {
    switch self {
    case .nothing: "None"
    case .bool(let value): value ? "bool True" : "bool False"
    case .int(let value): "int \(value)"
    case .bigInt(let value): "int \(value)"
    case .float(let value): "float \(value)"
    case .string(let text): "str '\(text.prefix(60))'"
    case .binary(let range): "\(range.count) bytes"
    case .array(let items): "list of \(items.count)"
    case .map(let items): items.isEmpty ? "an empty map" : "map of \(items.count)"
    case .ext(let type, let range): "extension type \(type) of \(range.count) bytes"
    }
  }

  var int: Int? { if case .int(let value) = self { value } else { nil } }
}

/// Decodes MessagePack from a file without reading binary data or extension payloads.
struct MessagePackDecoder {
  private var cursor: FileCursor
  private let end: Int
  private var depth = 0

  /// Deeper than any parameter tree; decoding recurses.
  private static let maximumDepth = 200
  /// Names and strings beyond this are data in the wrong place.
  private static let maximumStringLength = 1 << 24

  /// Decodes the one value that fills `range` of the file.
  static func decode(_ file: RandomAccessFile, _ range: Range<Int>) throws -> MessagePackValue {
    var decoder = MessagePackDecoder(
      cursor: FileCursor(file, at: range.lowerBound), end: range.upperBound)
    let value = try decoder.value()
    guard decoder.cursor.position == range.upperBound else {
      throw decoder.failure("\(range.upperBound - decoder.cursor.position) bytes follow the value")
    }
    return value
  }

  private func failure(_ message: String) -> CheckpointError {
    CheckpointError(
      "this is not valid MessagePack at byte \(cursor.position): \(message)",
      advice: "the file is damaged or of another format")
  }

  private mutating func value() throws -> MessagePackValue {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else {
      throw failure("nested more than \(Self.maximumDepth) levels deep")
    }
    let byte = try big(UInt8.self)
    switch byte {
    case 0x00...0x7F: return .int(Int(byte))
    case 0x80...0x8F: return try map(Int(byte & 0x0F))
    case 0x90...0x9F: return try array(Int(byte & 0x0F))
    case 0xA0...0xBF: return try string(Int(byte & 0x1F))
    case 0xC0: return .nothing
    case 0xC2: return .bool(false)
    case 0xC3: return .bool(true)
    case 0xC4: return .binary(try data(unsigned(UInt8.self)))
    case 0xC5: return .binary(try data(unsigned(UInt16.self)))
    case 0xC6: return .binary(try data(unsigned(UInt32.self)))
    case 0xC7: return try ext(unsigned(UInt8.self))
    case 0xC8: return try ext(unsigned(UInt16.self))
    case 0xC9: return try ext(unsigned(UInt32.self))
    case 0xCA: return .float(Double(Float(bitPattern: try big(UInt32.self))))
    case 0xCB: return .float(Double(bitPattern: try big(UInt64.self)))
    case 0xCC...0xCE: return .int(try unsignedInteger(byte))
    case 0xCF:
      let value = try big(UInt64.self)
      return Int(exactly: value).map { .int($0) } ?? .bigInt(value)
    case 0xD0: return .int(Int(try big(Int8.self)))
    case 0xD1: return .int(Int(try big(Int16.self)))
    case 0xD2: return .int(Int(try big(Int32.self)))
    case 0xD3: return .int(Int(try big(Int64.self)))
    case 0xD4...0xD8: return try ext(1 << Int(byte - 0xD4))
    case 0xD9: return try string(unsigned(UInt8.self))
    case 0xDA: return try string(unsigned(UInt16.self))
    case 0xDB: return try string(unsigned(UInt32.self))
    case 0xDC: return try array(unsigned(UInt16.self))
    case 0xDD: return try array(unsigned(UInt32.self))
    case 0xDE: return try map(unsigned(UInt16.self))
    case 0xDF: return try map(unsigned(UInt32.self))
    case 0xE0...0xFF: return .int(Int(Int8(bitPattern: byte)))
    default: throw failure("the byte 0x\(String(byte, radix: 16)) begins no value")
    }
  }

  private mutating func big<T: FixedWidthInteger>(_: T.Type) throws -> T {
    guard cursor.position + MemoryLayout<T>.size <= end else { throw failure("it ends early") }
    return try cursor.readBigEndian(T.self, "the MessagePack data")
  }

  private mutating func unsigned<T: FixedWidthInteger>(_: T.Type) throws -> Int {
    Int(try big(T.self))
  }

  private mutating func unsignedInteger(_ code: UInt8) throws -> Int {
    switch code {
    case 0xCC: try unsigned(UInt8.self)
    case 0xCD: try unsigned(UInt16.self)
    default: try unsigned(UInt32.self)
    }
  }

  private mutating func data(_ count: Int) throws -> Range<Int> {
    guard count <= end - cursor.position else {
      throw failure("\(count) bytes of data claimed, \(end - cursor.position) remain")
    }
    let start = try cursor.skip(count, "the MessagePack data")
    return start..<start + count
  }

  private mutating func ext(_ count: Int) throws -> MessagePackValue {
    let type = try big(Int8.self)
    return .ext(type: type, try data(count))
  }

  private mutating func string(_ count: Int) throws -> MessagePackValue {
    guard count <= Self.maximumStringLength, count <= end - cursor.position else {
      throw failure("a string of \(count) bytes")
    }
    let bytes = try cursor.read(count, "a string")
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw failure("a string that is not UTF-8")
    }
    return .string(text)
  }

  /// Each item takes at least a byte, so a count is bounded by what remains.
  private func checkCount(_ count: Int) throws {
    guard count <= end - cursor.position else {
      throw failure("\(count) items claimed in \(end - cursor.position) bytes")
    }
  }

  private mutating func array(_ count: Int) throws -> MessagePackValue {
    try checkCount(count)
    var items: [MessagePackValue] = []
    for _ in 0..<count { items.append(try value()) }
    return .array(items)
  }

  private mutating func map(_ count: Int) throws -> MessagePackValue {
    try checkCount(count)
    var items: [(key: MessagePackValue, value: MessagePackValue)] = []
    for _ in 0..<count {
      let key = try value()
      items.append((key, try value()))
    }
    return .map(items)
  }
}
