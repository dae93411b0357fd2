/// A text taken apart at its numbers: `layers.3.mlp` is "layers.", 3, ".mlp". Texts whose words are
/// equal are members of one numbered family.
///
/// Digits with a leading zero, or too many of them, are part of the words: they are somebody's
/// label, and the number would not lead back to it.
package struct NumberedText: Sendable, Hashable {
  /// The texts around the numbers, one more than there are numbers; some may be empty.
  package let words: [TensorName]
  package let numbers: [Int]

  /// A number with more digits is an identifier.
  private static let maximumDigits = 8

  package init(_ text: String) {
    var words = [""]
    var numbers: [Int] = []
    var rest = Substring(text).utf8
    while let first = rest.first {
      let isNumber = Self.isDigit(first)
      let end = rest.firstIndex { Self.isDigit($0) != isNumber } ?? rest.endIndex
      let part = String(Substring(rest[..<end]))
      rest = rest[end...]
      if isNumber, let number = Self.number(part) {
        numbers.append(number)
        words.append("")
      } else {
        words[words.count - 1] += part
      }
    }
    self.words = words.map { TensorName($0) }
    self.numbers = numbers
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func number(_ digits: String) -> Int? {
    guard digits.utf8.count <= maximumDigits, digits == "0" || !digits.hasPrefix("0") else {
      return nil
    }
    return Int(digits)
  }

  /// The text with `replace` in the place of its numbers, which it is given with their columns.
  package func text(_ replace: (_ column: Int, _ number: Int) -> String = { "\($1)" }) -> String {
    numbers.indices.reduce(words[0].text) {
      $0 + replace($1, numbers[$1]) + words[$1 + 1].text
    }
  }

  /// The text before and behind one of its numbers.
  package func around(_ column: Int) -> (before: String, after: String) {
    func joined(_ columns: Range<Int>) -> String {
      columns.map { "\(numbers[$0])\(words[$0 + 1].text)" }.joined()
    }
    return (
      words[0].text + joined(0..<column),
      words[column + 1].text + joined(column + 1..<numbers.count)
    )
  }
}
