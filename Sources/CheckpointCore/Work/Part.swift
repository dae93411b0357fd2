/// One of several parts that work is divided into: `3/8`.
package struct Part: Sendable, Hashable {
  /// From 1.
  package let number: Int
  package let count: Int

  /// More parts than any cluster has processors.
  package static let maximumCount = 1_000_000

  /// - Returns: `nil` where there is no such part.
  package init?(number: Int, of count: Int) {
    guard count <= Self.maximumCount, number >= 1, number <= count else { return nil }
    self.number = number
    self.count = count
  }

  /// - Parameter text: `I/N`, with I from 1 to N.
  package init?(_ text: String) {
    let numbers = text.split(separator: "/", omittingEmptySubsequences: false)
    guard numbers.count == 2, let number = Self.number(numbers[0]),
      let count = Self.number(numbers[1])
    else { return nil }
    self.init(number: number, of: count)
  }

  /// Digits alone: no sign, no spaces.
  private static func number(_ text: Substring) -> Int? {
    text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
  }

  /// Of `total` things in a row those that belong to this part where nothing tells them apart.
  package func share(of total: Int) -> Range<Int> {
    total * (number - 1) / count..<total * number / count
  }
}

extension Part: CustomStringConvertible {
  package var description: String { "\(number)/\(count)" }
}
