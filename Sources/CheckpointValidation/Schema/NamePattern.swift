import CheckpointCore

/// A tensor name, or a pattern that names match as a whole: `{n}` stands for a number, `*` for
/// anything within one part of the name, `**` for anything.
public struct NamePattern: Sendable, Equatable {
  public let text: String
  private let tokens: [Token]

  private enum Token: Sendable, Equatable {
    case literal(UInt8)
    case number(variable: String)
    case part
    case any
  }

  /// - Throws: a message where braces are not a variable's.
  init(_ text: String) throws(Malformed) {
    self.text = text
    var tokens: [Token] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "*"):
        if rest.first == byte {
          rest.removeFirst()
          tokens.append(.any)
        } else {
          tokens.append(.part)
        }
      case UInt8(ascii: "{"):
        guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else {
          throw Malformed(message: "'{' without '}'")
        }
        let name = String(decoding: rest[..<end], as: UTF8.self)
        guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0 == "_" }) else {
          throw Malformed(message: "'{\(name)}' is no variable: use letters, as in {n}")
        }
        tokens.append(.number(variable: name))
        rest = rest[(end + 1)...]
      case UInt8(ascii: "}"): throw Malformed(message: "'}' without '{'")
      default: tokens.append(.literal(byte))
      }
    }
    self.tokens = tokens
  }

  struct Malformed: Error { let message: String }

  public var isExact: Bool {
    tokens.allSatisfy { if case .literal = $0 { true } else { false } }
  }

  var variables: [String] {
    tokens.compactMap { if case .number(let name) = $0 { name } else { nil } }
  }

  /// The numbers that the variables stand for in `name`, in the pattern's order; `nil` where it
  /// does not match.
  public func match(_ name: String) -> [Int]? {
    let bytes = Array(name.utf8)
    var numbers: [Int] = []
    return Self.match(tokens[...], bytes[...], &numbers) ? numbers : nil
  }

  private static func match(
    _ tokens: ArraySlice<Token>, _ name: ArraySlice<UInt8>, _ numbers: inout [Int]
  ) -> Bool {
    var (tokens, name) = (tokens, name)
    while let token = tokens.popFirst() {
      switch token {
      case .literal(let byte):
        guard name.popFirst() == byte else { return false }
      case .number:
        let digits = name.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard let number = Int(String(decoding: digits, as: UTF8.self)) else { return false }
        numbers.append(number)
        name = name[digits.endIndex...]
      case .part, .any:
        let (depth, longest) = (
          numbers.count,
          token == .any
            ? name.endIndex
            : name.firstIndex { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }
              ?? name.endIndex
        )
        for end in (name.startIndex...longest).reversed() {
          numbers.removeLast(numbers.count - depth)
          if match(tokens, name[end...], &numbers) { return true }
        }
        return false
      }
    }
    return name.isEmpty
  }

  /// The name with its variables' values in place; for patterns whose variables have ranges.
  func name(_ values: [Int]) -> String {
    var values = values[...]
    let bytes = tokens.reduce(into: [UInt8]()) { bytes, token in
      switch token {
      case .literal(let byte): bytes.append(byte)
      case .number: bytes += String(values.popFirst() ?? 0).utf8
      case .part, .any: bytes.append(UInt8(ascii: "*"))
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
