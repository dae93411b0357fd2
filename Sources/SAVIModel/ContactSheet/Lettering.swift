/// The few letters that label a contact sheet, 5 wide and 7 high: one string per row of pixels.
enum Lettering {
  static let height = 7
  /// From one letter to the next.
  static let advance = 6

  /// Rows from the top; the lowest five bits are the pixels from left to right.
  private static let glyphs: [Character: [UInt8]] = [
    "a": [0, 0, 14, 1, 15, 17, 15], "b": [16, 16, 30, 17, 17, 17, 30],
    "d": [1, 1, 15, 17, 17, 17, 15], "e": [0, 0, 14, 17, 31, 16, 14],
    "f": [6, 8, 28, 8, 8, 8, 8], "h": [16, 16, 30, 17, 17, 17, 17],
    "i": [4, 0, 12, 4, 4, 4, 14], "k": [16, 18, 20, 24, 20, 18, 17],
    "l": [12, 4, 4, 4, 4, 4, 14], "m": [0, 0, 26, 21, 21, 21, 21],
    "n": [0, 0, 30, 17, 17, 17, 17], "o": [0, 0, 14, 17, 17, 17, 14],
    "p": [0, 0, 30, 17, 30, 16, 16], "r": [0, 0, 22, 25, 16, 16, 16],
    "s": [0, 0, 15, 16, 14, 1, 30], "t": [8, 8, 28, 8, 8, 9, 6],
    "u": [0, 0, 17, 17, 17, 19, 13], "w": [0, 0, 17, 17, 21, 21, 10],
    "0": [14, 17, 19, 21, 25, 17, 14], "1": [4, 12, 4, 4, 4, 4, 14],
    "2": [14, 17, 1, 6, 8, 16, 31], "3": [14, 17, 1, 6, 1, 17, 14],
    "4": [2, 6, 10, 18, 31, 2, 2], "5": [31, 16, 30, 1, 1, 17, 14],
    "6": [6, 8, 16, 30, 17, 17, 14], "7": [31, 1, 2, 4, 8, 8, 8],
    "8": [14, 17, 17, 14, 17, 17, 14], "9": [14, 17, 17, 15, 1, 2, 12],
  ]

  /// Draws `text` with its upper left corner at (x, y); other characters leave a blank.
  static func draw(_ text: String, at x: Int, _ y: Int, in colour: Colour, on sheet: inout Bitmap) {
    for (index, character) in text.enumerated() {
      for (row, bits) in (glyphs[character] ?? []).enumerated() {
        for column in 0..<5 where bits & (16 >> UInt8(column)) != 0 {
          let (px, py) = (x + index * advance + column, y + row)
          if px < sheet.width, py < sheet.height { sheet[px, py] = colour }
        }
      }
    }
  }
}
