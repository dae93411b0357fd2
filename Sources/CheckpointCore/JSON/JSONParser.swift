/// A strict JSON parser (RFC 8259) for documents from files: duplicate keys, trailing text, lone
/// surrogates and invalid UTF-8 are errors with their line and column; an integer is an integer
/// (`1.0` is not).
package struct JSONParser {
  /// Nesting deeper than this is refused: no schema or header needs it, and parsing recurses.
  package static let maximumDepth = 128

  package struct Failure: Error, Equatable, CustomStringConvertible {
    package let message: String
    package let line: Int
    package let column: Int
    package var description: String { "line \(line), column \(column): \(message)" }
  }

  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0
  /// Values that may still come.
  private var allowance: Int

  private init(_ bytes: [UInt8], maximumValues: Int) {
    self.bytes = bytes
    allowance = maximumValues
  }

  package static func parse(_ bytes: [UInt8]) throws(Failure) -> JSONValue {
    var parser = JSONParser(bytes, maximumValues: StructureLimits.values)
    let value = try parser.parseValue()
    try parser.expectEnd()
    return value
  }

  /// Parses an object member by member, for one that is too large to hold: each is handed over as it
  /// is parsed. A key that comes twice is for the caller to find, who keeps the names anyway.
  ///
  /// - Parameter maximumValues: of one member.
  /// - Returns: false where the document is no object.
  package static func parseMembers(
    of bytes: [UInt8], maximumValues: Int, _ body: (JSONValue.Member) throws -> Void
  ) throws -> Bool {
    var parser = JSONParser(bytes, maximumValues: maximumValues)
    parser.skipSpace()
    guard parser.next == UInt8(ascii: "{") else { return false }
    parser.depth += 1
    var isFirst = true
    while let (key, _) = try parser.nextKey(isFirst: isFirst) {
      isFirst = false
      parser.allowance = maximumValues
      try body(JSONValue.Member(key, try parser.parseValue()))
    }
    try parser.expectEnd()
    return true
  }

  private mutating func expectEnd() throws(Failure) {
    skipSpace()
    guard position == bytes.count else {
      throw failure("text follows the end of the document")
    }
  }

  private func failure(_ message: String, at position: Int? = nil) -> Failure {
    let before = bytes[..<min(position ?? self.position, bytes.count)]
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return Failure(
      message: message, line: before.count { $0 == 0x0A } + 1,
      column: before.count - lineStart + 1)
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || (0x09...0x0A).contains(byte) || byte == 0x0D {
      position += 1
    }
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(Failure) {
    guard next == UInt8(ascii: character) else {
      throw failure("expected '\(character)', found \(describeNext)")
    }
    position += 1
  }

  private var describeNext: String {
    guard let byte = next else { return "the end of the document" }
    return (0x21..<0x7F).contains(byte)
      ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
  }

  private mutating func parseValue() throws(Failure) -> JSONValue {
    skipSpace()
    allowance -= 1
    guard allowance >= 0 else { throw failure("more values than any document has") }
    switch next {
    case UInt8(ascii: "{"):
      return try nested { (parser) throws(Failure) in try parser.parseObject() }
    case UInt8(ascii: "["):
      return try nested { (parser) throws(Failure) in try parser.parseArray() }
    case UInt8(ascii: "\""): return .string(try parseString())
    case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
    case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
    case UInt8(ascii: "n"): return try parseWord("null", .null)
    case .some(let byte) where byte == UInt8(ascii: "-") || isDigit(byte): return try parseNumber()
    default: throw failure("expected a value, found \(describeNext)")
    }
  }

  private mutating func nested(
    _ parse: (inout JSONParser) throws(Failure) -> JSONValue
  ) throws(Failure) -> JSONValue {
    depth += 1
    guard depth <= Self.maximumDepth else {
      throw failure("nested more than \(Self.maximumDepth) levels deep")
    }
    let value = try parse(&self)
    depth -= 1
    return value
  }

  private mutating func parseWord(
    _ word: String, _ value: JSONValue
  ) throws(Failure) -> JSONValue {
    guard bytes[position...].starts(with: word.utf8) else {
      throw failure("expected a value, found \(describeNext)")
    }
    position += word.utf8.count
    return value
  }

  private mutating func parseObject() throws(Failure) -> JSONValue {
    var keys = Keys()
    var result: [JSONValue.Member] = []
    while let (key, start) = try nextKey(isFirst: result.isEmpty) {
      guard keys.insert(TensorName(key)) else {
        throw failure("the key \"\(key)\" appears twice", at: start)
      }
      result.append(JSONValue.Member(key, try parseValue()))
    }
    return .object(result)
  }

  /// The keys of an object.
  private struct Keys {
    /// The first, in a list: most objects have few, which are compared sooner than hashed.
    private var first: [TensorName] = []
    private var others: Set<TensorName> = []

    /// Notes a key; false where another member has it. Keys are what names are: bytes.
    mutating func insert(_ key: TensorName) -> Bool {
      guard !first.contains(key) else { return false }
      guard first.count == 8 else {
        first.append(key)
        return true
      }
      return others.insert(key).inserted
    }
  }

  /// The next member's key, up to its colon; `nil` behind the last.
  private mutating func nextKey(
    isFirst: Bool
  ) throws(Failure) -> (key: String, position: Int)? {
    if isFirst { try expect("{") }
    skipSpace()
    guard isFirst ? next != UInt8(ascii: "}") : next == UInt8(ascii: ",") else {
      try expect("}")
      return nil
    }
    if !isFirst { position += 1 }
    skipSpace()
    let start = position
    guard next == UInt8(ascii: "\"") else {
      throw failure("expected a key in quotes, found \(describeNext)")
    }
    let key = try parseString()
    skipSpace()
    try expect(":")
    return (key, start)
  }

  private mutating func parseArray() throws(Failure) -> JSONValue {
    try expect("[")
    var values: [JSONValue] = []
    skipSpace()
    if next == UInt8(ascii: "]") {
      position += 1
      return .array([])
    }
    while true {
      values.append(try parseValue())
      skipSpace()
      if next == UInt8(ascii: ",") {
        position += 1
        continue
      }
      try expect("]")
      return .array(values)
    }
  }

  private mutating func parseNumber() throws(Failure) -> JSONValue {
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    let leading = next
    let digits = skipDigits()
    guard digits > 0, leading != UInt8(ascii: "0") || digits == 1 else {
      throw failure("not a number", at: start)
    }
    var isInteger = true
    if next == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      guard skipDigits() > 0 else { throw failure("not a number", at: start) }
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      guard skipDigits() > 0 else { throw failure("not a number", at: start) }
    }
    if isInteger, let value = integer(start..<position) { return .int(value) }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard !isInteger else {
      throw failure("the integer \(text) does not fit 64 bits", at: start)
    }
    guard let value = Double(text), value.isFinite else {
      throw failure("the number \(text) does not fit a double", at: start)
    }
    return .double(value)
  }

  /// The number whose digits, behind a minus or none, are the bytes `range`; `nil` where it does not
  /// fit 64 bits.
  private func integer(_ range: Range<Int>) -> Int? {
    let isNegative = bytes[range.lowerBound] == UInt8(ascii: "-")
    var value = 0
    for position in isNegative ? range.dropFirst() : range {
      let digit = Int(bytes[position] - 0x30)
      let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tenfold.addingReportingOverflow(isNegative ? -digit : digit)
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }

  private mutating func skipDigits() -> Int {
    let start = position
    while let byte = next, isDigit(byte) { position += 1 }
    return position - start
  }

  private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private mutating func parseString() throws(Failure) -> String {
    let start = position
    position += 1
    while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
      position += 1
    }
    // Most strings end here: their bytes are the text.
    var content = bytes[start + 1..<position]
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        do {
          return String(copying: try UTF8Span(validating: content.span))
        } catch {
          throw failure("this string is not valid UTF-8", at: start)
        }
      case UInt8(ascii: "\\"):
        content.append(contentsOf: String(try parseEscape()).utf8)
      case 0..<0x20:
        throw failure("an unescaped control character in a string", at: position - 1)
      default:
        content.append(byte)
      }
    }
    throw failure("this string has no end", at: start)
  }

  private mutating func parseEscape() throws(Failure) -> Unicode.Scalar {
    guard let byte = next else { throw failure("this string has no end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var code = try parseHex()
      if (0xD800..<0xDC00).contains(code), bytes[position...].starts(with: "\\u".utf8) {
        position += 2
        let low = try parseHex()
        guard (0xDC00..<0xE000).contains(low) else { throw failure("a lone surrogate") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw failure("a lone surrogate") }
      return scalar
    default: throw failure("an unknown escape in a string", at: position - 1)
    }
  }

  private mutating func parseHex() throws(Failure) -> UInt32 {
    guard position + 4 <= bytes.count,
      bytes[position..<position + 4].allSatisfy({ $0 != 0x2B && $0 != 0x2D }),
      let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    else { throw failure("expected four hexadecimal digits") }
    position += 4
    return code
  }
}
