import CheckpointCore

/// The Python literals that an npy header is made of: `ast.literal_eval` for strings, integers,
/// booleans, None, tuples, lists and dicts, and nothing else.
indirect enum PythonLiteral: Equatable {
  case none
  case bool(Bool)
  case int(Int)
  case string(String)
  case tuple([PythonLiteral])
  case list([PythonLiteral])
  case dict([(key: String, value: PythonLiteral)])

  static func == (a: PythonLiteral, b: PythonLiteral) -> Bool { a.description == b.description }

  static func parse(_ text: ArraySlice<UInt8>) throws -> PythonLiteral {
    var parser = PythonLiteralParser(text)
    return try parser.parseDocument()
  }
}

extension PythonLiteral: CustomStringConvertible {
  var description: String {
    switch self {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .int(let value): String(value)
    case .string(let value): "'\(value)'"
    case .tuple(let items):
      "(" + items.map(\.description).joined(separator: ", ") + (items.count == 1 ? ",)" : ")")
    case .list(let items): "[" + items.map(\.description).joined(separator: ", ") + "]"
    case .dict(let items):
      "{" + items.map { "'\($0.key)': \($0.value)" }.joined(separator: ", ") + "}"
    }
  }
}

private struct PythonLiteralParser {
  /// A structured dtype nests a few levels; recursion must end.
  private static let maximumDepth = 32

  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private var depth = 0

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private func failure(_ expected: String) -> CheckpointError {
    CheckpointError(
      "its header is not a Python literal: \(expected) expected at byte "
        + "\(position - bytes.startIndex)",
      advice: "the file is damaged or was not written by NumPy")
  }

  mutating func parseDocument() throws -> PythonLiteral {
    let value = try parseValue()
    skipSpace()
    guard next == nil else { throw failure("the end") }
    return value
  }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  /// Consumes `character` where it comes next.
  private mutating func take(_ character: Character) -> Bool {
    skipSpace()
    guard next == character.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func parseValue() throws -> PythonLiteral {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else { throw failure("less nesting") }
    if take("{") { return .dict(try parseDict()) }
    if take("[") { return .list(try parseItems(until: "]").items) }
    if take("(") {
      let (items, hasComma) = try parseItems(until: ")")
      return items.count == 1 && !hasComma ? items[0] : .tuple(items)
    }
    switch next {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return .string(try parseString())
    case .some(let byte) where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte):
      return .int(try parseInt())
    default: return try parseWord()
    }
  }

  private mutating func parseWord() throws -> PythonLiteral {
    for (word, value) in [
      ("True", PythonLiteral.bool(true)), ("False", .bool(false)), ("None", .none),
    ] {
      if bytes[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return value
      }
    }
    throw failure("a value")
  }

  private mutating func parseItems(
    until close: Character
  ) throws -> (items: [PythonLiteral], hasComma: Bool) {
    var items: [PythonLiteral] = []
    var hasComma = false
    while !take(close) {
      guard items.isEmpty || hasComma else { throw failure("',' or '\(close)'") }
      items.append(try parseValue())
      hasComma = take(",")
    }
    return (items, hasComma)
  }

  private mutating func parseDict() throws -> [(key: String, value: PythonLiteral)] {
    var items: [(key: String, value: PythonLiteral)] = []
    var keys: Set<String> = []
    var hasComma = true
    while !take("}") {
      guard hasComma else { throw failure("',' or '}'") }
      skipSpace()
      let key = try parseString()
      guard take(":") else { throw failure("':'") }
      guard keys.insert(key).inserted else { throw failure("a new key") }
      items.append((key, try parseValue()))
      hasComma = take(",")
    }
    return items
  }

  private mutating func parseString() throws -> String {
    guard let quote = next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw failure("a string")
    }
    position += 1
    var content: [UInt8] = []
    while let byte = next {
      position += 1
      if byte == quote { return String(decoding: content, as: UTF8.self) }
      if byte == UInt8(ascii: "\\"), let escaped = next {
        position += 1
        content.append(escaped)
      } else {
        content.append(byte)
      }
    }
    throw failure("the end of a string")
  }

  /// Python 2 wrote long integers with an `L`.
  private mutating func parseInt() throws -> Int {
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
    guard let value = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else {
      position = start
      throw failure("an integer of at most 64 bits")
    }
    if next == UInt8(ascii: "L") { position += 1 }
    return value
  }
}
