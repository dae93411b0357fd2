import CheckpointCore

/// A change of layout in einops' notation: `kh kw i o -> o i kh kw`.
///
/// Each side lists a tensor's dimensions, outermost first. A name is an axis, `(h d)` one dimension
/// that holds two axes, the outer one first, `1` or `()` a dimension of extent 1, and `...` any
/// further dimensions. An axis stands once on each side. (einops.tech; `rearrange` in einops.py.)
package struct LayoutFormula: Sendable, Hashable {
  package enum Dimension: Sendable, Hashable {
    /// The axes that the dimension holds, outermost first; none where its extent is 1.
    case axes([String])
    /// Dimensions that both sides share, whatever their number.
    case ellipsis
  }

  package let left: [Dimension]
  package let right: [Dimension]

  init(left: [Dimension], right: [Dimension]) {
    self.left = left
    self.right = right
  }

  /// The layout that leaves every element where it is.
  package static let copy = LayoutFormula(left: [.ellipsis], right: [.ellipsis])

  static func axes(of side: [Dimension]) -> [String] {
    side.flatMap { dimension in
      if case .axes(let names) = dimension { names } else { [String]() }
    }
  }
}

extension LayoutFormula: CustomStringConvertible {
  package var description: String { Self.text(left) + " -> " + Self.text(right) }

  private static func text(_ side: [Dimension]) -> String {
    side.map { dimension in
      switch dimension {
      case .ellipsis: "..."
      case .axes(let names):
        names.isEmpty ? "1" : names.count == 1 ? names[0] : "(\(names.joined(separator: " ")))"
      }
    }.joined(separator: " ")
  }
}

extension LayoutFormula {
  /// - Throws: `CheckpointError` in the words of the expression.
  package init(_ text: String) throws {
    func problem(_ message: String) -> CheckpointError {
      CheckpointError(
        entry: text, message,
        advice: "a layout is written as einops writes it: kh kw i o -> o i kh kw")
    }
    guard let arrow = text.firstRange(of: "->") else { throw problem("there is no '->'") }
    let rest = text[arrow.upperBound...]
    guard rest.firstRange(of: "->") == nil else { throw problem("there are two '->'") }
    do {
      left = try Self.parse(text[..<arrow.lowerBound])
      right = try Self.parse(rest)
    } catch let error as CheckpointError {
      throw problem(error.message)
    }
    guard left.contains(.ellipsis) == right.contains(.ellipsis) else {
      throw problem("'...' stands on one side only")
    }
  }

  /// More axes than any tensor of a model has.
  private static let maximumAxes = 24

  private static func parse(_ text: Substring) throws -> [Dimension] {
    var dimensions: [Dimension] = []
    var group: [String]?
    var names: Set<String> = []
    for token in tokens(text) {
      switch token {
      case "(":
        guard group == nil else { throw CheckpointError("parentheses stand within parentheses") }
        group = []
      case ")":
        guard let axes = group else { throw CheckpointError("')' closes nothing") }
        dimensions.append(.axes(axes))
        group = nil
      case "...":
        guard group == nil else { throw CheckpointError("'...' stands in parentheses") }
        guard !dimensions.contains(.ellipsis) else {
          throw CheckpointError("'...' stands twice on one side")
        }
        dimensions.append(.ellipsis)
      case "1":
        if group == nil { dimensions.append(.axes([])) }
      default:
        guard isName(token) else { throw CheckpointError("'\(token)' is no axis") }
        guard names.insert(String(token)).inserted else {
          throw CheckpointError("'\(token)' stands twice on one side")
        }
        if group == nil {
          dimensions.append(.axes([String(token)]))
        } else {
          group?.append(String(token))
        }
      }
    }
    guard group == nil else { throw CheckpointError("a '(' is not closed") }
    guard names.count <= maximumAxes, dimensions.count <= maximumAxes else {
      throw CheckpointError("more than \(maximumAxes) axes")
    }
    return dimensions
  }

  private static func tokens(_ text: Substring) -> [Substring] {
    text.split(separator: " ").flatMap { word in
      var parts: [Substring] = []
      var start = word.startIndex
      for index in word.indices where word[index] == "(" || word[index] == ")" {
        if start < index { parts.append(word[start..<index]) }
        parts.append(word[index...index])
        start = word.index(after: index)
      }
      if start < word.endIndex { parts.append(word[start...]) }
      return parts
    }
  }

  private static func isName(_ token: Substring) -> Bool {
    guard let first = token.utf8.first, first < 0x30 || first > 0x39 else { return false }
    return token.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: true
      default: false
      }
    }
  }
}
