/// The name of a tensor, of a group of tensors, or of another entry of a checkpoint.
///
/// A name is its UTF-8 bytes. Swift's strings are equal where their text is canonically equivalent,
/// so that "é" as one scalar and as "e" with an accent are one string; in a file they are two names,
/// and a rename from one to the other breaks a program that asks for the first.
public struct TensorName: Sendable {
  /// The name as text, for printing.
  public let text: String

  public init(_ text: String) { self.text = text }

  package var utf8: String.UTF8View { text.utf8 }

  /// A bare tensor at the top of a file has no name.
  package var isEmpty: Bool { text.isEmpty }
}

extension TensorName: Hashable, Comparable {
  /// Whether the bytes are equal.
  public static func == (a: TensorName, b: TensorName) -> Bool {
    let (first, second) = (a.text.utf8Span.span, b.text.utf8Span.span)
    return first.count == second.count && first.indices.allSatisfy { first[$0] == second[$0] }
  }

  /// The order of the bytes.
  public static func < (a: TensorName, b: TensorName) -> Bool {
    let (first, second) = (a.text.utf8Span.span, b.text.utf8Span.span)
    for index in 0..<min(first.count, second.count) where first[index] != second[index] {
      return first[index] < second[index]
    }
    return first.count < second.count
  }

  /// Over the bytes.
  public func hash(into hasher: inout Hasher) {
    unsafe text.utf8Span.span.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
  }
}

extension TensorName: CustomStringConvertible, ExpressibleByStringInterpolation {
  public init(stringLiteral text: String) { self.init(text) }

  /// The name as text.
  public var description: String { text }
}

extension TensorName: CustomDebugStringConvertible {
  /// In quotes, as a string's, so that a list of names can be told apart.
  public var debugDescription: String { text.debugDescription }
}

extension TensorName {
  package func hasPrefix(_ prefix: TensorName) -> Bool { utf8.starts(with: prefix.utf8) }

  /// What follows `prefix`, which the name must begin with.
  package func dropFirst(_ prefix: TensorName) -> TensorName {
    TensorName(String(Substring(utf8.dropFirst(prefix.utf8.count))))
  }

  /// `/` and `.` both join the parts of names.
  package static func isSeparator(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".")
  }

  /// The name within the group `group`: `""` for the group's own name, `nil` for a name outside it.
  package func relative(to group: TensorName) -> TensorName? {
    guard hasPrefix(group) else { return nil }
    let rest = utf8.dropFirst(group.utf8.count)
    guard let separator = rest.first else { return "" }
    return Self.isSeparator(separator) ? TensorName(String(Substring(rest.dropFirst()))) : nil
  }

  /// Every group the name lies in, the outermost first, with the name it has there.
  package var groups: [(group: TensorName, rest: TensorName)] {
    utf8.indices.filter { Self.isSeparator(utf8[$0]) }.map { index in
      (
        TensorName(String(Substring(utf8[..<index]))),
        TensorName(String(Substring(utf8[utf8.index(after: index)...])))
      )
    }
  }

  /// The name of `part` in the group that this name is; `""` is the top.
  package func appending(_ part: String, separator: Unicode.Scalar) -> TensorName {
    isEmpty ? TensorName(part) : "\(text)\(separator)\(part)"
  }

  /// The parts between separators of either kind, empty ones included.
  package var components: [TensorName] {
    utf8.split(omittingEmptySubsequences: false, whereSeparator: Self.isSeparator)
      .map { TensorName(String(Substring($0))) }
  }

  /// The parts between the separators, empty ones included.
  package func parts(separator: Unicode.Scalar) -> [TensorName] {
    utf8.split(separator: UInt8(ascii: separator), omittingEmptySubsequences: false)
      .map { TensorName(String(Substring($0))) }
  }
}

/// `printable` of the name's text.
package func printable(_ name: TensorName) -> String { printable(name.text) }
