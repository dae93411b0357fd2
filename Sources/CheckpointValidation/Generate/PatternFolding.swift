import CheckpointCore

/// Folds entries whose names differ in one number, `conv_0`, `conv_1`, … into one with a range, so
/// that a person can read and edit a schema.
enum PatternFolding {
  /// The name with one of its numbers taken out.
  private struct Template: Hashable {
    let before: String
    let after: String
  }

  static func fold(_ entries: [DraftEntry]) -> [DraftEntry] {
    let templates = entries.map { numbers(in: $0.name) }
    var groups: [Template: [(number: Int, index: Int)]] = [:]
    for (index, list) in templates.enumerated() {
      for (template, number) in list { groups[template, default: []].append((number, index)) }
    }
    // The largest runs first: each entry goes into one.
    var runs = groups.flatMap { template, members in
      self.runs(members.sorted { $0.number < $1.number }, entries).map { (template, $0) }
    }
    runs.sort {
      ($1.1.count, $0.1[0].index, $0.0.before) < ($0.1.count, $1.1[0].index, $1.0.before)
    }
    var used = Set<Int>()
    var folded: [Int: DraftEntry] = [:]
    for (template, run) in runs where run.allSatisfy({ !used.contains($0.index) }) {
      var entry = entries[run[0].index]
      for member in run.dropFirst() { entry.add(entries[member.index]) }
      entry.name = template.before + "{n}" + template.after
      entry.range = run[0].number...run[run.count - 1].number
      used.formUnion(run.map(\.index))
      folded[run.map(\.index).min() ?? run[0].index] = entry
    }
    return entries.indices.compactMap { index in
      folded[index] ?? (used.contains(index) ? nil : entries[index])
    }
  }

  /// The stretches of consecutive numbers whose entries are alike, of two or more.
  private static func runs(
    _ members: [(number: Int, index: Int)], _ entries: [DraftEntry]
  ) -> [[(number: Int, index: Int)]] {
    var result: [[(number: Int, index: Int)]] = []
    for member in members {
      if let last = result.last?.last, last.number + 1 == member.number,
        entries[last.index].isLike(entries[member.index])
      {
        result[result.count - 1].append(member)
      } else {
        result.append([member])
      }
    }
    return result.filter { $0.count > 1 }
  }

  /// Every number of a name, each with the name around it.
  private static func numbers(in name: String) -> [(Template, Int)] {
    let text = NumberedText(name)
    return text.numbers.enumerated().map { column, number in
      let around = text.around(column)
      return (Template(before: around.before, after: around.after), number)
    }
  }
}
