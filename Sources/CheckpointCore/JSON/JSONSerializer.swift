extension JSONValue {
  /// The document as text. Pretty text has two-space indents, and arrays of plain values on one
  /// line; it ends without a newline.
  public func serialized(pretty: Bool = false) -> String {
    var text = ""
    write(to: &text, indent: pretty ? 0 : nil, spaced: pretty)
    return text
  }

  /// The document on one line, with a space behind each comma and colon.
  package func serializedOnOneLine() -> String {
    var text = ""
    write(to: &text, indent: nil, spaced: true)
    return text
  }

  private func write(to text: inout String, indent: Int?, spaced: Bool) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .int(let value): text += String(value)
    case .double(let value): text += Self.number(value)
    case .string(let value): Self.quote(value, into: &text)
    case .array(let values):
      let flat = values.allSatisfy(\.isPlain)
      Self.write(values, "[", "]", indent: flat ? nil : indent, spaced: spaced, &text) {
        $0.write(to: &$1, indent: $2, spaced: spaced)
      }
    case .object(let members):
      Self.write(members, "{", "}", indent: indent, spaced: spaced, &text) {
        Self.quote($0.key, into: &$1)
        $1 += spaced ? ": " : ":"
        $0.value.write(to: &$1, indent: $2, spaced: spaced)
      }
    }
  }

  private var isPlain: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }

  private static func write<Item>(
    _ items: [Item], _ open: String, _ close: String, indent: Int?, spaced: Bool,
    _ text: inout String, _ body: (Item, inout String, Int?) -> Void
  ) {
    text += open
    for (index, item) in items.enumerated() {
      if index > 0 { text += spaced && indent == nil ? ", " : "," }
      if let indent { text += "\n" + String(repeating: "  ", count: indent + 1) }
      body(item, &text, indent.map { $0 + 1 })
    }
    if let indent, !items.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
    text += close
  }

  /// Swift's shortest form that reads back as the same Double, which is JSON except for NaN and
  /// infinity; those are null.
  private static func number(_ value: Double) -> String {
    value.isFinite ? value.description : "null"
  }

  private static func quote(_ value: String, into text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
