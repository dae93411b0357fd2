import CheckpointCore

/// A tensor's name, or a numbered family of names: `layers.{n}.weight`.
package struct NamePattern: Sendable, Hashable {
  enum Part: Sendable, Hashable {
    case text(String)
    case index(IndexExpression)
  }

  let parts: [Part]

  init(parts: [Part]) { self.parts = parts }

  /// - Throws: `CheckpointError` where what stands in braces is no number of a family.
  package init(_ text: String) throws {
    var parts: [Part] = []
    var rest = Substring(text)
    while let open = rest.firstIndex(of: "{") {
      guard let close = rest[open...].firstIndex(of: "}"),
        let index = IndexExpression(braced: rest[rest.index(after: open)..<close])
      else {
        throw CheckpointError(
          entry: text, "'\(rest[open...].prefix(12))' is no number of a family",
          advice: "write {n}, {n+1} or {2n+1}")
      }
      if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
      parts.append(.index(index))
      rest = rest[rest.index(after: close)...]
    }
    if !rest.isEmpty || parts.isEmpty { parts.append(.text(String(rest))) }
    self.parts = parts
  }

  /// The variables, in the order of their first use.
  package var variables: [String] {
    var names: [String] = []
    for case .index(let index) in parts {
      if let name = index.variable, !names.contains(name) { names.append(name) }
    }
    return names
  }

  /// The text before the first number.
  var prefix: String { if case .text(let text)? = parts.first { text } else { "" } }

  /// The name for these values of the variables; `nil` where one has no value or a negative number
  /// would stand in the name.
  func name(_ bindings: [String: Int]) -> TensorName? {
    var result = ""
    for part in parts {
      switch part {
      case .text(let text): result += text
      case .index(let index):
        guard let number = index.value(bindings), number >= 0 else { return nil }
        result += String(number)
      }
    }
    return TensorName(result)
  }

  /// The values of the variables for which the pattern is `name`; `nil` where it is none of the
  /// family. A number is written without leading zeros.
  func match(_ name: TensorName) -> [String: Int]? {
    var bindings: [String: Int] = [:]
    var rest = Substring(name.text).utf8
    for part in parts {
      switch part {
      case .text(let text):
        guard rest.starts(with: text.utf8) else { return nil }
        rest = rest.dropFirst(text.utf8.count)
      case .index(let index):
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, digits.count == 1 || digits.first != 0x30,
          let number = Int(Substring(digits)), let value = index.solve(number)
        else { return nil }
        if let variable = index.variable {
          if let other = bindings[variable], other != value { return nil }
          bindings[variable] = value
        }
        rest = rest.dropFirst(digits.count)
      }
    }
    return rest.isEmpty ? bindings : nil
  }
}

extension NamePattern: CustomStringConvertible {
  package var description: String {
    parts.map { part in
      switch part {
      case .text(let text): text
      case .index(let index): index.description
      }
    }.joined()
  }
}
