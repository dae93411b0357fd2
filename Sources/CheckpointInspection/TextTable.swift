/// A table of text: the same rows as a boxed table, Markdown or CSV.
public struct TextTable: Sendable {
  public let header: [String]
  public var rows: [[String]]

  public init(header: [String], rows: [[String]] = []) {
    self.header = header
    self.rows = rows
  }

  /// Cells left-aligned between bars, with rules of dashes, as clu and the published table print it.
  public func boxed() -> [String] {
    let widths = header.indices.map { column in
      ([header] + rows).map { $0[column].count }.max() ?? 0
    }
    let rule = "+" + widths.map { String(repeating: "-", count: $0 + 2) + "+" }.joined()
    func line(_ cells: [String]) -> String {
      "|"
        + zip(cells, widths).map { cell, width in
          " \(cell)\(String(repeating: " ", count: width - cell.count)) |"
        }.joined()
    }
    return [rule, line(header), rule] + rows.map(line) + [rule]
  }

  /// Columns separated by two spaces, without trailing blanks.
  public func plain() -> [String] {
    let widths = header.indices.map { column in
      ([header] + rows).map { $0[column].count }.max() ?? 0
    }
    return ([header] + rows).map { cells in
      var line = zip(cells, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  /// A GitHub-flavoured Markdown table.
  public func markdown() -> [String] {
    func line(_ cells: [String]) -> String {
      let escaped = cells.map { cell in
        cell.map { $0 == "|" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
      }
      return "| " + escaped.joined(separator: " | ") + " |"
    }
    return [line(header), "|" + header.map { _ in " --- |" }.joined()] + rows.map(line)
  }

  /// RFC 4180, with newlines alone at the ends of lines.
  public func csv() -> [String] {
    ([header] + rows).map { cells in
      cells.map { cell in
        guard cell.contains(where: { "\",\n\r".contains($0) }) else { return cell }
        return "\"" + cell.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
      }.joined(separator: ",")
    }
  }
}
