public import CheckpointCore

/// The parameter table of a checkpoint, in one of its styles.
public struct ParameterTable: Sendable {
  /// Which columns there are, and how figures are printed.
  public enum Style: String, Sendable, CaseIterable {
    /// The table the PyTorch port of SAVi publishes.
    case torch
    /// The parameter overview of Google's clu: rows by name, dtype, population std, bytes.
    case clu
    /// Everything known of each tensor.
    case full
  }

  /// The form of the text; JSON and CSV have all digits.
  public enum Output: String, Sendable, CaseIterable { case table, json, csv, markdown }

  /// What rows are sorted by: size, mean and deviation descending.
  public enum Order: String, Sendable, CaseIterable { case file, name, size, mean, std }

  package let style: Style
  package let rows: [StatisticsRow]
  /// Whether families are one row, with a column that counts their members.
  private let folds: Bool
  /// Rows that `maximumLines` leaves out.
  private let omitted: Int
  private let totalCount: Int
  private let totalBytes: Int
  /// The entries that are no tensors.
  private let placeholders: [Placeholder]

  /// - Parameters:
  ///   - placeholders: the entries that are no tensors; those that hold data are named under the
  ///     table.
  ///   - listsAliases: whether second names of a storage get rows of their own; they never count
  ///     towards the total.
  ///   - folds: gives a numbered family one row, with the figures of all its elements; JSON cannot
  ///     tell one.
  ///   - order: `nil` for the style's own.
  public init(
    _ rows: [StatisticsRow], placeholders: [Placeholder] = [], style: Style,
    listsAliases: Bool = false, folds: Bool = false, order: Order? = nil,
    maximumLines: Int? = nil
  ) {
    let own = rows.filter { $0.aliasOf == nil }
    totalCount = own.reduce(0) { $0 + $1.tensor.shape.count }
    totalBytes = own.reduce(0) { $0 + $1.tensor.byteCount }
    let listed = listsAliases ? rows : own
    let shown = Self.sorted(
      folds ? StatisticsRow.folded(listed) : listed, by: order ?? (style == .clu ? .name : .file))
    let limit = maximumLines ?? shown.count
    self.style = style
    self.folds = folds
    self.placeholders = placeholders
    self.rows = Array(shown.prefix(limit))
    omitted = shown.count - self.rows.count
  }

  private static func sorted(_ rows: [StatisticsRow], by order: Order) -> [StatisticsRow] {
    func descending(_ key: (StatisticsRow) -> Double) -> [StatisticsRow] {
      rows.enumerated().sorted { a, b in
        let (x, y) = (key(a.element), key(b.element))
        // NaN last; equal figures in the file's order.
        if x.isNaN || y.isNaN { return x.isNaN == y.isNaN ? a.offset < b.offset : y.isNaN }
        return x == y ? a.offset < b.offset : x > y
      }.map(\.element)
    }
    switch order {
    case .file: return rows
    case .name:
      return rows.sorted { $0.tensor.name < $1.tensor.name }
    case .size: return descending { Double($0.size) }
    case .mean: return descending { $0.statistics.mean }
    case .std: return descending { $0.statistics.standardDeviation }
    }
  }

  /// The table's text, without a newline at its end.
  public func text(_ output: Output = .table) -> String { text(output, .plain) }

  /// The table's text, without a newline at its end.
  ///
  /// - Parameter place: where a table of this tool's own making goes to. The published style is the
  ///   same everywhere.
  package func text(_ output: Output, _ place: TextStyle) -> String {
    if output == .json { return json().serialized(pretty: true) }
    var table = TextTable(header: header)
    for row in rows {
      var line = output == .csv ? plainCells(row) : cells(row)
      if folds { line.insert(output == .csv ? String(row.count) : thousands(row.count), at: 1) }
      table.rows.append(line)
    }
    if omitted > 0, output != .csv {
      table.rows.append(["… \(omitted) more"] + [String](repeating: "", count: header.count - 1))
    }
    switch output {
    case .table:
      let lines = table.boxed(style == .torch && !folds ? .plain : place)
      return (lines + [footer] + unreadLines).joined(separator: "\n")
    case .markdown:
      return (table.markdown() + ["", footer] + unreadLines.map { "\n" + $0 })
        .joined(separator: "\n")
    default: return table.csv().joined(separator: "\n")
    }
  }

  private var header: [String] {
    let columns = styleHeader
    return folds ? [columns[0], "Tensors"] + columns[1...] : columns
  }

  private var styleHeader: [String] {
    switch style {
    case .torch: ["Name", "Shape", "Size", "Mean", "Std"]
    case .clu: ["Name", "Shape", "Dtype", "Size", "Mean", "Std"]
    case .full:
      [
        "Name", "Shape", "Dtype", "Size", "Mean", "Std", "Min", "Max", "Zeros", "NaN", "Inf",
        "Alias of",
      ]
    }
  }

  /// The figures of a row as programs read them: those of the JSON form, and empty where that has
  /// null.
  private func plainCells(_ row: StatisticsRow) -> [String] {
    func number(_ value: Double) -> String { value.isFinite ? value.description : "" }
    let figures = row.statistics
    let start = [row.tensor.name.text, row.tensor.shape.description]
    let dtype = style == .torch ? [] : [row.tensor.dtype.name]
    let deviation =
      style == .clu ? figures.populationDeviation : figures.standardDeviation
    let middle = [String(row.size), number(figures.mean), number(deviation)]
    let end =
      style != .full
      ? []
      : [number(figures.minimum), number(figures.maximum)]
        + [figures.zeroCount, figures.nanCount, figures.infinityCount].map { String($0) }
        + [row.aliasOf?.text ?? ""]
    return start + dtype + middle + end
  }

  private func cells(_ row: StatisticsRow) -> [String] {
    let figures = row.statistics
    let name = printable(row.tensor.name)
    let shape = row.tensor.shape.description
    let size = thousands(row.size)
    let mean = pythonThreeDigits(figures.mean)
    switch style {
    case .torch:
      return [
        name, shape, size, pythonThreeDigits(figures.publishedMean ?? figures.mean),
        pythonThreeDigits(figures.standardDeviation),
      ]
    case .clu:
      return [
        name, shape, row.tensor.dtype.name, size, mean,
        pythonThreeDigits(figures.populationDeviation),
      ]
    case .full:
      return [
        name, shape, row.tensor.dtype.name, size, mean,
        pythonThreeDigits(figures.standardDeviation), pythonThreeDigits(figures.minimum),
        pythonThreeDigits(figures.maximum), thousands(figures.zeroCount),
        thousands(figures.nanCount), thousands(figures.infinityCount),
        row.aliasOf.map { printable($0) } ?? "",
      ]
    }
  }

  private var footer: String {
    style == .clu
      ? "Total: \(thousands(totalCount)) -- \(thousands(totalBytes)) bytes"
      : "Total: \(thousands(totalCount))"
  }

  private var unreadLines: [String] {
    placeholders.filter { $0.kind == .data }.map {
      "Not read: \(printable($0.name)), \(printable($0.reason))"
    }
  }

  /// `schemas/stats.schema.json`.
  private func json() -> JSONValue {
    .object([
      "schema_version": .int(1),
      "total": .int(totalCount),
      "total_bytes": .int(totalBytes),
      "tensors": .array(rows.map(Self.json)),
      "placeholders": .array(placeholders.map(\.json)),
    ])
  }

  private static func json(_ row: StatisticsRow) -> JSONValue {
    let figures = row.statistics
    return .object([
      "name": .name(row.tensor.name),
      "shape": .ints(row.tensor.shape.dimensions),
      "dtype": .string(row.tensor.dtype.name),
      "size": .int(row.size),
      "mean": .finite(figures.mean),
      "std": .finite(figures.standardDeviation),
      "min": .finite(figures.minimum),
      "max": .finite(figures.maximum),
      "nan_count": .int(figures.nanCount),
      "inf_count": .int(figures.infinityCount),
      "zero_count": .int(figures.zeroCount),
      "alias_of": .name(row.aliasOf),
    ])
  }
}
