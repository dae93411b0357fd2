import CheckpointCore

/// A table of text: the same rows as a boxed table, Markdown or CSV.
package struct TextTable: Sendable {
  package let header: [String]
  package var rows: [[String]]
  /// The columns that give way where a terminal is too narrow, the first of them first. Figures
  /// never do.
  var elastic = [0]
  /// The columns of figures that stand at the right of their column.
  var rightAligned: Set<Int> = []
  /// The columns in colour, where there is colour.
  var colors: [Int: TextStyle.Color] = [:]

  /// An elastic column keeps this many characters, enough to tell names apart.
  private static let minimumWidth = 16

  package init(header: [String], rows: [[String]] = []) {
    self.header = header
    self.rows = rows
  }

  /// Cells left-aligned between bars, with rules of dashes, as clu and the published table print it.
  package func boxed(_ style: TextStyle = .plain) -> [String] {
    let (lines, widths) = fitted(style, separators: 3 * header.count + 1)
    let rule = "+" + widths.map { String(repeating: "-", count: $0 + 2) + "+" }.joined()
    let padded = lines.map { cells in
      "|" + zip(cells, widths).map { " \(Self.padding($0, $1)) |" }.joined()
    }
    return [rule, padded[0], rule] + padded.dropFirst() + [rule]
  }

  /// Columns separated by two spaces, without trailing blanks.
  package func plain(_ style: TextStyle = .plain) -> [String] {
    let (lines, widths) = fitted(style, separators: 2 * (header.count - 1))
    return lines.enumerated().map { number, cells in
      // What stands behind the last cell that holds something is blank.
      let count = (cells.lastIndex { !$0.isEmpty } ?? -1) + 1
      var line = ""
      for column in 0..<count {
        if column > 0 { line += "  " }
        let blanks = widths[column] - cells[column].characterCount
        let isRight = rightAligned.contains(column)
        if isRight { line.append(blanks: blanks) }
        let color = number == 0 ? .bold : colors[column]
        line += color.map { style.paint(cells[column], $0) } ?? cells[column]
        if !isRight, column < count - 1 { line.append(blanks: blanks) }
      }
      return line
    }
  }

  private static func padding(_ cell: String, _ width: Int) -> String {
    cell + String(repeating: " ", count: width - cell.characterCount)
  }

  /// The lines, header first, with the elastic columns cut to what the width leaves them.
  ///
  /// - Parameter separators: the characters of a line that belong to no cell.
  private func fitted(
    _ style: TextStyle, separators: Int
  ) -> (lines: [[String]], widths: [Int]) {
    var lines = [header] + rows
    var widths = header.indices.map { column in lines.map { $0[column].characterCount }.max() ?? 0 }
    guard let width = style.width else { return (lines, widths) }
    for column in elastic {
      let excess = widths.reduce(separators, +) - width
      guard excess > 0 else { break }
      widths[column] = min(widths[column], max(Self.minimumWidth, widths[column] - excess))
      for index in lines.indices {
        lines[index][column] = abbreviated(lines[index][column], to: widths[column])
      }
    }
    return (lines, widths)
  }

  /// A GitHub-flavoured Markdown table.
  package func markdown() -> [String] {
    func line(_ cells: [String]) -> String {
      let escaped = cells.map { cell in
        cell.map { $0 == "|" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
      }
      return "| " + escaped.joined(separator: " | ") + " |"
    }
    return [line(header), "|" + header.map { _ in " --- |" }.joined()] + rows.map(line)
  }

  /// RFC 4180, with newlines alone at the ends of lines.
  package func csv() -> [String] {
    ([header] + rows).map { cells in
      cells.map { cell in
        guard cell.contains(where: { "\",\n\r".contains($0) }) else { return cell }
        return "\"" + cell.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
      }.joined(separator: ",")
    }
  }
}

extension String {
  fileprivate mutating func append(blanks count: Int) {
    for _ in 0..<count { append(" ") }
  }

  /// `count`; for ASCII, which most cells are, without looking for characters of several bytes.
  fileprivate var characterCount: Int {
    utf8.allSatisfy { $0 < 0x80 && $0 != 0x0D } ? utf8.count : count
  }
}
