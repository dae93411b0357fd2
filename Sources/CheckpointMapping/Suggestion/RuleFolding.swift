import CheckpointCore

/// Folds rules that differ in numbers alone into one for the whole family.
struct RuleFolding {
  /// One rule of the document.
  struct Folded {
    var members: [JSONValue.Member]
    /// How many rules it stands for.
    let count: Int
    /// Where its first rule was.
    let position: Int
  }

  /// A rule taken apart: its text between the numbers, and the numbers.
  private struct Shape: Hashable {
    let texts: [String]
  }
  private struct Member {
    let rule: DraftRule
    let position: Int
    let document: [JSONValue.Member]
    let numbers: [Int]
    /// How many of the numbers stand in the targets' names, and in the sources' names.
    let ofTargets: Range<Int>
    let ofSources: Range<Int>
  }

  private let source: FileNames
  private let target: FileNames
  private let madeTargets: [TensorName]

  init(source: FileNames, target: FileNames, madeTargets: [TensorName]) {
    self.source = source
    self.target = target
    self.madeTargets = madeTargets
  }

  func fold(_ rules: [DraftRule]) -> [Folded] {
    var groups: [Shape: [Member]] = [:]
    for (position, rule) in rules.enumerated() {
      let document = rule.document
      var texts: [String] = []
      var numbers: [Int] = []
      var ranges = [0..<0, 0..<0]
      for (key, index) in [("target", 0), ("source", 1)] {
        let start = numbers.count
        for member in document where Self.isName(member.key, of: key) {
          Numbers.take(apart: member.value, &texts, &numbers)
        }
        ranges[index] = start..<numbers.count
      }
      for member in document
      where !Self.isName(member.key, of: "target")
        && !Self.isName(member.key, of: "source")
      {
        texts.append(member.key)
        if Self.hasNumbers(member.key) {
          if member.key == "at" {
            let start = numbers.count
            Numbers.take(apart: member.value, &texts, &numbers)
            if ranges[1].isEmpty {
              ranges[1] = start..<numbers.count
            } else {
              ranges[1] = ranges[1].lowerBound..<numbers.count
            }
          } else {
            Numbers.take(apart: member.value, &texts, &numbers)
          }
        } else {
          texts.append(member.value.serialized())
        }
      }
      groups[Shape(texts: texts), default: []].append(
        Member(
          rule: rule, position: position, document: document, numbers: numbers,
          ofTargets: ranges[0], ofSources: ranges[1]))
    }
    return groups.values.flatMap { fold($0) }.sorted { $0.position < $1.position }
  }

  private static func isName(_ key: String, of kind: String) -> Bool {
    kind == "target"
      ? ["target", "targets", "constant", "alias"].contains(key)
      : ["source", "sources", "drop"].contains(key)
  }

  /// The keys whose numbers belong to the family; sizes and constants do not.
  private static func hasNumbers(_ key: String) -> Bool {
    ["at", "like", "of", "confirm", "alternatives"].contains(key)
  }

  /// Aliases and dropped subtrees are named one by one: they have no family.
  private func fold(_ members: [Member]) -> [Folded] {
    guard members.count > 1, let first = members.first else { return members.map(single) }
    switch first.rule.content {
    case .alias, .drop: return members.map(single)
    default: break
    }
    if let variables = FamilyVariables(members.map(\.numbers)),
      let folded = family(members, variables)
    {
      return [folded]
    }
    // The first number that differs among them divides them.
    guard
      let column = first.numbers.indices.first(where: { column in
        members.contains { $0.numbers[column] != first.numbers[column] }
      })
    else { return members.map(single) }
    let parts = Dictionary(grouping: members) { $0.numbers[column] }
    guard parts.count < members.count else { return members.map(single) }
    return parts.values.flatMap { fold($0) }
  }

  private func single(_ member: Member) -> Folded {
    Folded(members: member.document, count: 1, position: member.position)
  }

  /// The family's rule, where its numbers lead to exactly its members.
  private func family(_ members: [Member], _ variables: FamilyVariables) -> Folded? {
    let first = members[0]
    let ofTargets = variables.used(first.ofTargets)
    let ofSources = variables.used(first.ofSources)
    let all = variables.used(first.numbers.indices)
    guard ofTargets == all else { return nil }
    var isTensors = false
    if case .tensors = first.rule.content { isTensors = true }
    guard !isTensors || ofSources == all else { return nil }
    var column = 0
    var document = first.document
    // The columns were counted targets first, then sources, then the rest.
    for kind in ["target", "source"] {
      for index in document.indices where Self.isName(document[index].key, of: kind) {
        document[index] = .init(
          document[index].key, Numbers.fill(document[index].value, variables, &column))
      }
    }
    for index in document.indices where Self.hasNumbers(document[index].key) {
      document[index] = .init(
        document[index].key, Numbers.fill(document[index].value, variables, &column))
    }
    let wanted = Set(members.map { variables.bindings($0.numbers) })
    guard let found = expansion(document) else { return nil }
    if found != wanted {
      guard let ranges = variables.ranges(wanted) else { return nil }
      document.append(.init("range", ranges))
    }
    return Folded(
      members: document, count: members.count,
      position: members.map(\.position).min() ?? first.position)
  }

  /// The members that the files give the rule.
  private func expansion(_ document: [JSONValue.Member]) -> Set<[String: Int]>? {
    let parser = MappingRuleParser.plain
    guard let rule = try? parser.rule(DocumentNode(.object(document)), number: 1) else {
      return nil
    }
    if case .tensors = rule.action {
      guard let forward = try? RuleExpansion.members(rule, in: source),
        let back = try? RuleExpansion.members(rule, in: target)
      else { return nil }
      return Set(forward).union(back)
    }
    return (try? RuleExpansion.members(rule, beside: madeTargets)).map(Set.init)
  }
}

/// The variables that the numbers of a family follow from.
struct FamilyVariables {
  private struct Column {
    /// `nil` for a number that is the same in all members.
    let variable: Int?
    let factor: Int
    let offset: Int
  }
  private let columns: [Column]
  /// Per variable, the column that tells its value.
  private let tellers: [Int]

  private static let names = ["n", "m", "k", "j", "p", "q"]

  /// - Returns: `nil` where there are more variables than a reader would follow.
  init?(_ rows: [[Int]]) {
    struct Pattern {
      let steps: [Int]
      var columns: [Int]
    }
    var patterns: [Pattern] = []
    var lows: [Int] = []
    var factors: [Int] = []
    var owners: [Int?] = []
    for column in rows[0].indices {
      let values = rows.map { $0[column] }
      let low = values.min() ?? 0
      let steps = values.map { $0 - low }
      let divisor = steps.reduce(0, Self.commonDivisor)
      lows.append(low)
      factors.append(max(1, divisor))
      guard divisor > 0 else {
        owners.append(nil)
        continue
      }
      let normal = steps.map { $0 / divisor }
      if let known = patterns.firstIndex(where: { $0.steps == normal }) {
        patterns[known].columns.append(column)
        owners.append(known)
      } else {
        owners.append(patterns.count)
        patterns.append(Pattern(steps: normal, columns: [column]))
      }
    }
    guard !patterns.isEmpty, patterns.count <= Self.names.count else { return nil }
    // A variable begins where the lowest of its numbers does.
    let shifts = patterns.map { pattern in
      pattern.columns.map { lows[$0] / factors[$0] }.min() ?? 0
    }
    columns = owners.indices.map { column in
      guard let owner = owners[column] else {
        return Column(variable: nil, factor: 0, offset: lows[column])
      }
      return Column(
        variable: owner, factor: factors[column],
        offset: lows[column] - factors[column] * shifts[owner])
    }
    tellers = patterns.map { $0.columns[0] }
  }

  private static func commonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : commonDivisor(b, a % b)
  }

  /// The variables in some of the columns.
  func used(_ range: Range<Int>) -> Set<Int> { Set(range.compactMap { columns[$0].variable }) }

  func expression(_ column: Int) -> IndexExpression {
    let own = columns[column]
    guard let variable = own.variable else {
      return IndexExpression(variable: nil, offset: own.offset)
    }
    return IndexExpression(
      variable: Self.names[variable], factor: own.factor, offset: own.offset)
  }

  /// The variables' values in a member.
  func bindings(_ numbers: [Int]) -> [String: Int] {
    Dictionary(
      uniqueKeysWithValues: tellers.enumerated().map { variable, column in
        (
          Self.names[variable],
          (numbers[column] - columns[column].offset) / columns[column].factor
        )
      })
  }

  /// The ranges that give exactly these members; `nil` where none do.
  func ranges(_ members: Set<[String: Int]>) -> JSONValue? {
    var total = 1
    var result: [JSONValue.Member] = []
    for name in Self.names.prefix(tellers.count) {
      let values = Set(members.compactMap { $0[name] })
      guard let low = values.min(), let high = values.max(), high - low + 1 == values.count else {
        return nil
      }
      total *= values.count
      result.append(.init(name, .ints([low, high])))
    }
    return total == members.count ? .object(result) : nil
  }
}

/// The numbers in the strings of a JSON value.
private enum Numbers {
  static func take(apart value: JSONValue, _ texts: inout [String], _ numbers: inout [Int]) {
    switch value {
    case .string(let text):
      let text = NumberedText(text)
      for word in text.words { texts += [word.text, "#"] }
      texts.append("\"")
      numbers += text.numbers
    case .int(let number):
      texts.append("#")
      numbers.append(number)
    case .array(let items):
      texts.append("[")
      for item in items { take(apart: item, &texts, &numbers) }
    case .object(let members):
      texts.append("{")
      for member in members {
        texts.append(member.key)
        take(apart: member.value, &texts, &numbers)
      }
    default: texts.append(value.serialized())
    }
  }

  /// The value with each number replaced by what the family has in its place.
  static func fill(
    _ value: JSONValue, _ variables: FamilyVariables, _ column: inout Int
  ) -> JSONValue {
    switch value {
    case .string(let text):
      let first = column
      let text = NumberedText(text)
      column += text.numbers.count
      return .string(text.text { own, _ in variables.expression(first + own).description })
    case .int(let number):
      let expression = variables.expression(column)
      column += 1
      return expression.variable == nil ? .int(number) : .string(expression.description)
    case .array(let items):
      var filled: [JSONValue] = []
      for item in items { filled.append(fill(item, variables, &column)) }
      return .array(filled)
    case .object(let members):
      var filled: [JSONValue.Member] = []
      for member in members {
        filled.append(.init(member.key, fill(member.value, variables, &column)))
      }
      return .object(filled)
    default: return value
    }
  }
}
