import Bytes
import CheckpointCore

/// Reads what precedes the data of a GGUF file: `GGUFReader` describes it.
struct GGUFCursor {
  let version: UInt32
  let isBigEndian: Bool
  private var cursor: FileCursor
  /// Values read so far.
  private var valueCount = 0

  /// A vocabulary has a few hundred thousand words of a few bytes.
  private static let maximumString = 1 << 26
  private static let versions: ClosedRange<UInt32> = 2...3

  init(_ file: RandomAccessFile) throws {
    cursor = FileCursor(file)
    _ = try cursor.read(GGUFReader.magic.count, "the magic")
    let little = try cursor.readLittleEndian(UInt32.self, "the version")
    isBigEndian = little.byteSwapped < little
    version = isBigEndian ? little.byteSwapped : little
    guard Self.versions.contains(version) else {
      throw CheckpointError(
        "GGUF version \(version) is not known (2 and 3 are)",
        advice: "convert the file with the tools of its writer")
    }
  }

  var position: Int { cursor.position }

  mutating func read<T: FixedWidthInteger>(_ type: T.Type, _ what: String) throws -> T {
    isBigEndian
      ? try cursor.readBigEndian(type, what) : try cursor.readLittleEndian(type, what)
  }

  /// A number of things that take at least a byte each.
  mutating func count(_ what: String) throws -> Int {
    let count = try read(UInt64.self, "the number of \(what)")
    guard count <= UInt64(cursor.remaining), count <= UInt64(StructureLimits.entries) else {
      throw CheckpointError(
        "\(count) \(what) cannot be in a file of which \(cursor.remaining) bytes are left",
        advice: "the file is truncated or damaged; fetch it again")
    }
    return Int(count)
  }

  mutating func string(_ what: String) throws -> String {
    let length = try read(UInt64.self, what)
    guard length <= UInt64(Self.maximumString) else {
      throw CheckpointError("\(what) of \(length) bytes; at most \(Self.maximumString) are read")
    }
    let bytes = try cursor.read(Int(length), what)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CheckpointError("\(what) is not UTF-8", advice: "the file is damaged; fetch it again")
    }
    return text
  }

  mutating func key() throws -> (name: TensorName, value: JSONValue) {
    let name = try string("a key")
    do {
      return (TensorName(name), try value(try read(UInt32.self, "the type of a key"), depth: 0))
    } catch let error as CheckpointError {
      throw error.inEntry(name)
    }
  }

  private mutating func value(_ type: UInt32, depth: Int) throws -> JSONValue {
    valueCount += 1
    guard valueCount <= StructureLimits.values, depth <= StructureLimits.depth else {
      throw CheckpointError.beyondLimit("values in its keys", limit: StructureLimits.values)
    }
    let what = "the value of a key"
    switch type {
    case 0: return .int(Int(try read(UInt8.self, what)))
    case 1: return .int(Int(try read(Int8.self, what)))
    case 2: return .int(Int(try read(UInt16.self, what)))
    case 3: return .int(Int(try read(Int16.self, what)))
    case 4: return .int(Int(try read(UInt32.self, what)))
    case 5: return .int(Int(try read(Int32.self, what)))
    case 6: return Self.number(Double(Float(bitPattern: try read(UInt32.self, what))))
    case 7: return .bool(try read(UInt8.self, what) != 0)
    case 8: return .string(try string(what))
    case 9: return try array(depth: depth)
    case 10:
      let number = try read(UInt64.self, what)
      return Int(exactly: number).map { .int($0) } ?? .double(Double(number))
    case 11: return .int(Int(try read(Int64.self, what)))
    case 12: return Self.number(Double(bitPattern: try read(UInt64.self, what)))
    default:
      throw CheckpointError(
        "a value of type \(type), which is not known",
        advice: "the file is damaged, or newer than this program")
    }
  }

  /// A number that JSON can say, or what it is.
  private static func number(_ value: Double) -> JSONValue {
    value.isFinite ? .double(value) : .string("\(value)")
  }

  private mutating func array(depth: Int) throws -> JSONValue {
    let type = try read(UInt32.self, "the type of an array")
    let length = try read(UInt64.self, "the length of an array")
    guard length <= UInt64(cursor.remaining) else {
      throw CheckpointError(
        "an array of \(length) items in a file of which \(cursor.remaining) bytes are left",
        advice: "the file is truncated or damaged; fetch it again")
    }
    var items: [JSONValue] = []
    for _ in 0..<length { items.append(try value(type, depth: depth + 1)) }
    return .array(items)
  }
}
