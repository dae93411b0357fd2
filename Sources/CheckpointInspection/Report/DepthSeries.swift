import CheckpointCore

/// How a family of tensors goes with depth: the figures of `layers.{n}.attn.q.weight` for n = 0, 1, …
struct DepthSeries {
  /// The name with its first number as `{n}`, and others that vary as `{m}`.
  let family: String
  let depths: [Int]
  /// The root mean square of the elements at each depth.
  let rootMeanSquares: [Double]
  /// The relative change at each depth, zero where nothing changed; `nil` without a comparison.
  let changes: [Double]?

  /// Two points make no curve.
  private static let minimumCount = 3

  static func all(
    _ rows: [CheckpointReport.Row], _ changes: [TensorName: ChangedValues]
  ) -> [DepthSeries] {
    var order: [[TensorName]] = []
    var families: [[TensorName]: [(numbers: [Int], row: CheckpointReport.Row)]] = [:]
    for row in rows where row.aliasOf == nil {
      let text = NumberedText(row.tensor.name.text)
      guard !text.numbers.isEmpty else { continue }
      if families[text.words] == nil { order.append(text.words) }
      families[text.words, default: []].append((text.numbers, row))
    }
    return order.compactMap { words in
      families[words].flatMap { DepthSeries(words, $0, changes) }
    }
  }

  private init?(
    _ words: [TensorName], _ members: [(numbers: [Int], row: CheckpointReport.Row)],
    _ changes: [TensorName: ChangedValues]
  ) {
    let varying = members[0].numbers.indices.filter { column in
      members.contains { $0.numbers[column] != members[0].numbers[column] }
    }
    guard let depth = varying.first else { return nil }
    let levels = Dictionary(grouping: members) { $0.numbers[depth] }
    guard levels.count >= Self.minimumCount else { return nil }
    depths = levels.keys.sorted()
    rootMeanSquares = depths.map { level in
      var figures = Statistics()
      for member in levels[level] ?? [] { figures.add(member.row.scan.statistics) }
      return figures.rootMeanSquare
    }
    self.changes =
      changes.isEmpty
      ? nil
      : depths.map { level in
        let values = (levels[level] ?? []).compactMap { changes[$0.row.tensor.name]?.relative }
        return values.contains { $0.isNaN } ? .nan : values.max() ?? 0
      }
    let first = members[0].row.tensor.name.text
    family = NumberedText(first).text { column, number in
      column == depth ? "{n}" : varying.contains(column) ? "{m}" : "\(number)"
    }
  }

  /// A member of `schemas/report.schema.json`.
  var json: JSONValue {
    .object([
      "family": .string(family),
      "depths": .ints(depths),
      "rms": .array(rootMeanSquares.map(JSONValue.brief)),
      "change": changes.map { .array($0.map(JSONValue.brief)) } ?? .null,
    ])
  }
}
