package import CheckpointCore

/// A tensor name, or a pattern that names match as a whole: `{n}` stands for a number, `*` for
/// anything within one part of the name, `**` for anything.
package struct NamePattern: Sendable, Equatable {
  package let text: String
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

  package var isExact: Bool {
    tokens.allSatisfy { if case .literal = $0 { true } else { false } }
  }

  var variables: [String] {
    tokens.compactMap { if case .number(let name) = $0 { name } else { nil } }
  }

  /// The text before the first wildcard or variable, between each two, and behind the last.
  var literalRuns: [[UInt8]] {
    tokens.reduce(into: [[]]) { runs, token in
      if case .literal(let byte) = token {
        runs[runs.count - 1].append(byte)
      } else {
        runs.append([])
      }
    }
  }

  /// The numbers that the variables stand for in `name`, in the pattern's order; `nil` where it
  /// does not match.
  package func match(_ name: TensorName) -> [Int]? {
    var matcher = Matcher(tokens: tokens, name: Array(name.utf8))
    return matcher.match(0, 0) ? matcher.numbers : nil
  }

  /// Tries the ways in which a pattern can match, each place of the name once for each token: the
  /// wildcards of a hostile pattern would otherwise take exponentially long.
  private struct Matcher {
    let tokens: [Token]
    let name: [UInt8]
    var numbers: [Int] = []
    private var failed: Set<Int> = []

    init(tokens: [Token], name: [UInt8]) {
      self.tokens = tokens
      self.name = name
    }

    mutating func match(_ token: Int, _ position: Int) -> Bool {
      var (token, position) = (token, position)
      while token < tokens.count {
        switch tokens[token] {
        case .literal(let byte):
          guard position < name.count, name[position] == byte else { return false }
          position += 1
        case .number:
          let digits = name[position...].prefix {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          }
          guard let number = Int(String(decoding: digits, as: UTF8.self)) else { return false }
          numbers.append(number)
          position = digits.endIndex
        case .part, .any: return matchWildcard(token, position)
        }
        token += 1
      }
      return position == name.count
    }

    private mutating func matchWildcard(_ token: Int, _ position: Int) -> Bool {
      let state = token * (name.count + 1) + position
      guard !failed.contains(state) else { return false }
      let depth = numbers.count
      let longest =
        tokens[token] == .any
        ? name.count
        : name[position...].firstIndex { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }
          ?? name.count
      for end in (position...longest).reversed() {
        numbers.removeLast(numbers.count - depth)
        if match(token + 1, end) { return true }
      }
      failed.insert(state)
      return false
    }
  }

  var hasWildcard: Bool { tokens.contains { $0 == .part || $0 == .any } }

  /// The name with its variables' values in place; for patterns whose variables have ranges.
  func name(_ values: [Int]) -> TensorName {
    var values = values[...]
    let bytes = tokens.reduce(into: [UInt8]()) { bytes, token in
      switch token {
      case .literal(let byte): bytes.append(byte)
      case .number: bytes += String(values.popFirst() ?? 0).utf8
      case .part, .any: bytes.append(UInt8(ascii: "*"))
      }
    }
    return TensorName(String(decoding: bytes, as: UTF8.self))
  }
}
