import CheckpointCore

/// A number in a rule: itself, or one that a variable gives: `3`, `{n}`, `{n+1}`, `{2n+1}`.
package struct IndexExpression: Sendable, Hashable {
  /// `nil` for a plain number.
  package let variable: String?
  package let factor: Int
  package let offset: Int

  package init(variable: String?, factor: Int = 1, offset: Int = 0) {
    self.variable = variable
    self.factor = factor
    self.offset = offset
  }

  /// Larger factors and offsets are no layer numbers; products with them cannot overflow.
  private static let maximum = 1 << 20

  /// Parses what stands between the braces: `n`, `n+1`, `2n`, `2n+1`.
  ///
  /// - Returns: `nil` where it is nothing of the kind.
  init?(braced text: Substring) {
    var rest = text
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    rest = rest.dropFirst(digits.count)
    let name = rest.prefix { $0.isASCII && ($0.isLetter || $0 == "_") }
    rest = rest.dropFirst(name.count)
    guard !name.isEmpty, let factor = digits.isEmpty ? 1 : Int(digits),
      (1...Self.maximum).contains(factor)
    else { return nil }
    var offset = 0
    if let sign = rest.first {
      guard sign == "+" || sign == "-", let number = Int(rest.dropFirst()),
        rest.dropFirst().first != "-",
        (0...Self.maximum).contains(number)
      else { return nil }
      offset = sign == "+" ? number : -number
    }
    self.init(variable: String(name), factor: factor, offset: offset)
  }

  /// The number for these values of the variables; `nil` where the variable has none.
  func value(_ bindings: [String: Int]) -> Int? {
    guard let variable else { return offset }
    return bindings[variable].map { $0 * factor + offset }
  }

  /// The value of the variable for which the expression is `number`.
  func solve(_ number: Int) -> Int? {
    let (quotient, remainder) = (number - offset).quotientAndRemainder(dividingBy: factor)
    return remainder == 0 && quotient >= 0 ? quotient : nil
  }
}

extension IndexExpression: CustomStringConvertible {
  package var description: String {
    guard let variable else { return String(offset) }
    let scaled = factor == 1 ? variable : "\(factor)\(variable)"
    return "{\(scaled)\(offset == 0 ? "" : offset > 0 ? "+\(offset)" : "\(offset)")}"
  }
}
