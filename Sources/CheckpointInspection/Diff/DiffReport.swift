import CheckpointCore

/// A comparison for a person: the verdict, what the structure differs in, then the changes, the
/// largest first.
package struct DiffReport: Sendable {
  package let diff: CheckpointDiff
  package let verdict: DiffVerdict
  /// What the sides are called.
  package let first: String
  package let second: String
  private let groups: DiffGroups

  package init(_ diff: CheckpointDiff, first: String, second: String) {
    self.diff = diff
    (self.first, self.second) = (first, second)
    groups = DiffGroups(diff)
    verdict = DiffVerdict(diff, first: printable(first), second: printable(second))
  }

  /// - Parameter folds: shows what a numbered family has in common as one row.
  package func lines(folds: Bool, _ style: TextStyle = .plain) -> [String] {
    let compared = "\(counted(diff.comparedCount, "tensor")) compared"
    guard !diff.differences.isEmpty else { return ["\(compared), \(verdict.text)"] }
    let gone = groups.onlyInFirst.filter { $0.sameContentAs == nil }
    let new = groups.onlyInSecond.filter { $0.sameContentAs == nil }
    let renamed = groups.onlyInFirst.filter { $0.sameContentAs != nil }
    let sections = [
      section("Only in \(printable(first))", gone, folds, style),
      section("Only in \(printable(second))", new, folds, style),
      Renaming.lines(renamed, folds: folds),
      section("Of another shape", groups.shapes, folds, style),
      section("Of another dtype", groups.dtypes, folds, style),
      changes(folds: folds, style),
    ]
    let body = sections.filter { !$0.isEmpty }.flatMap { section in
      ["", style.paint(section[0], .bold)] + section.dropFirst()
    }
    let total = "\(compared), \(counted(diff.differingCount, "difference"))"
    return [style.paint(verdict.text, .bold)] + body + ["", total]
  }

  /// A heading with the tensors that differ in one way.
  private func section(
    _ title: String, _ differences: [TensorDifference], _ folds: Bool, _ style: TextStyle
  ) -> [String] {
    guard !differences.isEmpty else { return [] }
    let rows = Self.folded(
      differences.map { (name: $0.name, key: Self.text(of: $0)) }, folds: folds)
    var table = TextTable(header: ["", ""])
    table.rows = rows.map { row in
      let name = "  " + (row.name.isEmpty ? "\"\"" : printable(row.name))
      let count = row.members.count
      return [name, (count > 1 ? "\(thousands(count)) of " : "") + row.key]
    }
    return ["\(title): \(counted(differences.count, "tensor"))"] + table.plain(style).dropFirst()
  }

  /// What two tensors of one row have in common.
  private static func text(of difference: TensorDifference) -> String {
    switch difference.kind {
    case .shape(let a, let b): "\(a) and \(b)"
    case .dtype(let a, let b, let isCast): "\(a) and \(b)" + (isCast ? ", rounded" : "")
    default: "\(difference.shape) \(difference.dtype)"
    }
  }

  /// Names with equal keys as families, or one by one.
  static func folded<Key: Hashable>(
    _ entries: [(name: TensorName, key: Key)], folds: Bool
  ) -> [(name: String, key: Key, members: [Int])] {
    guard folds else { return entries.enumerated().map { ($1.name.text, $1.key, [$0]) } }
    return FoldedNames(entries).list.map { ($0.name, entries[$0.members[0]].key, $0.members) }
  }
}

extension DiffReport {
  /// A row: one changed tensor, or a family of them.
  private struct Change {
    let name: String
    let count: Int
    /// The change of the tensor that moved furthest.
    let most: ChangedValues
    /// The share of all elements that changed, and the largest distance among them.
    let share: Double
    let maximum: Double

    init(_ name: String, _ members: [ChangedValues]) {
      self.name = name
      count = members.count
      most = members.dropFirst().reduce(members[0]) {
        DiffReport.rank($1.relative) > DiffReport.rank($0.relative) ? $1 : $0
      }
      let changed = members.reduce(0) { $0 + $1.count }
      share = Double(changed) / Double(max(1, members.reduce(0) { $0 + $1.numberCount }))
      maximum = members.reduce(0) { ChangedValues.larger($0, $1.maximum) }
    }
  }

  private func changes(folds: Bool, _ style: TextStyle) -> [String] {
    guard !groups.changed.isEmpty else { return [] }
    let entries = groups.changed.map { item in
      (name: item.difference.name, key: Self.text(of: item.difference))
    }
    let rows = Self.folded(entries, folds: folds).map { row in
      Change(row.name, row.members.map { groups.changed[$0].values })
    }
    let sorted = rows.enumerated().sorted { a, b in
      let (x, y) = (a.element.most.relative, b.element.most.relative)
      return (Self.rank(y), a.offset) < (Self.rank(x), b.offset)
    }.map(\.element)
    var table = TextTable(header: [
      "  Name", "Tensors", "Relative", "", "Cosine", "Changed", "Max", "First",
    ])
    table.elastic = [0, 7]
    table.rightAligned = [1, 4, 5]
    table.colors = [3: .cyan]
    let largest = sorted.map(\.most.relative).filter(\.isFinite).max() ?? 0
    table.rows = sorted.map { Self.row($0, largest: largest) }
    return ["Changed: \(counted(groups.changed.count, "tensor"))"] + table.plain(style)
  }

  /// What rows are sorted by: a change that no number measures comes first.
  private static func rank(_ relative: Double) -> Double { relative.isNaN ? .infinity : relative }

  private static func row(_ change: Change, largest: Double) -> [String] {
    let most = change.most
    let first =
      change.count > 1
      ? "" : "\(most.firstIndex): \(number(most.first.first)) and \(number(most.first.second))"
    return [
      "  " + (change.name.isEmpty ? "\"\"" : printable(change.name)), thousands(change.count),
      pythonThreeDigits(most.relative), bar(most.relative / largest), cosine(most.cosine),
      percentage(change.share), pythonThreeDigits(change.maximum), first,
    ]
  }

  /// All digits of a number, of which a float32 has fewer.
  private static func number(_ value: Double) -> String {
    Double(Float(value)) == value ? "\(Float(value))" : "\(value)"
  }

  /// Six decimals: a cosine that is no 1 never reads as one.
  private static func cosine(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    let millionths = Int(
      (value.magnitude * 1e6).rounded(value.magnitude < 1 ? .down : .toNearestOrEven))
    let decimals = String(millionths % 1_000_000)
    return (value < 0 ? "-" : "") + "\(millionths / 1_000_000)."
      + String(repeating: "0", count: 6 - decimals.count) + decimals
  }

  /// Eighths of a cell tell small changes apart; what cannot be measured fills the bar.
  private static func bar(_ part: Double) -> String {
    let cells = 8
    let eighths = part.isFinite ? Int((part * Double(8 * cells)).rounded(.up)) : 8 * cells
    let ends = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    let filled = min(max(eighths, 0), 8 * cells)
    return String(repeating: "█", count: filled / 8) + ends[filled % 8]
  }
}
