/// What the place that text goes to can show.
package struct TextStyle: Sendable {
  /// Columns of the terminal; `nil` for a file or a pipe, where nothing is ever shortened.
  package let width: Int?
  package let usesColor: Bool

  package init(width: Int?, usesColor: Bool) {
    self.width = width
    self.usesColor = usesColor
  }

  /// A file or a pipe.
  package static let plain = TextStyle(width: nil, usesColor: false)

  /// ECMA-48's select graphic rendition, in colours that a light and a dark background both bear.
  enum Color: String {
    case bold = "1"
    case dim = "2"
    case cyan = "36"
  }

  func paint(_ text: String, _ color: Color) -> String {
    usesColor && !text.isEmpty ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
  }
}
