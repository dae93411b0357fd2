import Bytes
import CheckpointCore

/// Reads the columns of an OCDBT structure: numbers in LEB128, one column after the other.
struct OCDBTCursor {
  private var reader: ByteReader
  private let what: String

  /// - Parameter what: the structure, for error messages.
  init(_ body: ArraySlice<UInt8>, _ what: String) {
    reader = ByteReader(body)
    self.what = what
  }

  /// Bytes of the whole structure.
  var size: Int { reader.bytes.count }

  func damaged(_ message: String) -> CheckpointError {
    CheckpointError("\(what): \(message)", advice: "the file is damaged; fetch or save it again")
  }

  mutating func byte() throws -> UInt8 {
    do {
      return try reader.readByte()
    } catch {
      throw damaged("it ends early, at byte \(error.position)")
    }
  }

  mutating func bytes(_ count: Int) throws -> ArraySlice<UInt8> {
    do {
      return try reader.read(count)
    } catch {
      throw damaged("it ends early: \(count) bytes claimed at \(error.position)")
    }
  }

  /// An unsigned number in LEB128, seven bits to a byte.
  mutating func number() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let next = UInt64(try byte())
      guard shift < 63 || next <= 1 else { break }
      value |= (next & 0x7F) << shift
      if next < 0x80 { return value }
    }
    throw damaged("a number of more than 64 bits")
  }

  /// A number that is to be a size, an offset or an index.
  mutating func int(_ name: String) throws -> Int {
    let value = try number()
    guard let result = Int(exactly: value) else { throw damaged("\(name) is \(value)") }
    return result
  }

  /// How many entries follow, of which each takes at least one byte.
  mutating func count(_ name: String) throws -> Int {
    let value = try int(name)
    guard value <= reader.remaining else {
      throw damaged("\(value) \(name) claimed, \(reader.remaining) bytes remain")
    }
    return value
  }

  /// A column of `count` numbers.
  mutating func ints(_ count: Int, _ name: String) throws -> [Int] {
    var values: [Int] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try int(name)) }
    return values
  }

  /// All that is left.
  mutating func rest() throws -> ArraySlice<UInt8> { try bytes(reader.remaining) }

  func expectEnd() throws {
    guard reader.isAtEnd else { throw damaged("\(reader.remaining) bytes follow its end") }
  }
}
