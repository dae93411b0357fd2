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

  /// Every number of a name, each with the name around it. Numbers with leading zeros are names.
  private static func numbers(in name: String) -> [(Template, Int)] {
    let bytes = Array(name.utf8)
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    var result: [(Template, Int)] = []
    var start = 0
    while start < bytes.count {
      guard digits.contains(bytes[start]) else {
        start += 1
        continue
      }
      let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.count
      let text = String(decoding: bytes[start..<end], as: UTF8.self)
      if let number = Int(text), String(number) == text {
        result.append(
          (
            Template(
              before: String(decoding: bytes[..<start], as: UTF8.self),
              after: String(decoding: bytes[end...], as: UTF8.self)), number
          ))
      }
      start = end
    }
    return result
  }
}
