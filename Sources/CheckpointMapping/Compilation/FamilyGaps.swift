import CheckpointCore

/// Finds the members that a numbered family lacks: a number between its first and last, or one that
/// its siblings, the families with the same beginning, have.
struct FamilyGaps {
  /// The numbers of one family behind one beginning of a name: `encoder/layer_`.
  private struct Series {
    let rule: MappingRule
    let pattern: NamePattern
    var members: [Int: RuleExpansion.Bindings] = [:]
    let variable: String
  }
  private struct Key: Hashable {
    let prefix: [UInt8]
    let rule: Int
    let pattern: Int
  }
  private var series: [Key: Series] = [:]
  private var empty: [(name: TensorName, rule: Int)] = []

  mutating func add(
    _ rule: MappingRule, _ patterns: [NamePattern], _ members: [RuleExpansion.Bindings]
  ) {
    if case .tensors(let tensors) = rule.action, tensors.isPartial { return }
    if members.isEmpty, let pattern = patterns.first {
      empty.append((TensorName(pattern.description), rule.number))
    }
    for (number, pattern) in patterns.enumerated() {
      guard case .index(let index)? = pattern.parts.first(where: { $0.isIndex }),
        let variable = index.variable
      else { continue }
      let key = Key(prefix: Array(pattern.prefix.utf8), rule: rule.number, pattern: number)
      for bindings in members {
        guard let value = bindings[variable] else { continue }
        series[
          key, default: Series(rule: rule, pattern: pattern, variable: variable)
        ].members[index.value(bindings) ?? value] = bindings
      }
    }
  }

  /// The names of what is missing.
  var missing: [TensorName] { gaps.map(\.name) }

  /// The numbers of the rules that lack a member.
  var rulesWithGaps: Set<Int> { Set(gaps.map(\.rule)) }

  private var gaps: [(name: TensorName, rule: Int)] { empty + missingMembers }

  private var missingMembers: [(name: TensorName, rule: Int)] {
    let families = Dictionary(
      grouping: series.sorted { a, b in
        (a.key.rule, a.key.pattern) < (b.key.rule, b.key.pattern)
      }, by: \.key.prefix)
    return families.sorted { $0.key.lexicographicallyPrecedes($1.key) }.flatMap { _, siblings in
      let numbers = Set(siblings.flatMap(\.value.members.keys))
      return siblings.flatMap { _, own -> [(name: TensorName, rule: Int)] in
        let stride = own.pattern.firstIndex?.factor ?? 1
        let offset = own.pattern.firstIndex?.offset ?? 0
        let candidates = numbers.union(between(own.members.keys))
        return candidates.subtracting(own.members.keys).sorted().compactMap { number in
          guard let example = own.members.values.first, (number - offset) % stride == 0,
            number >= offset
          else { return nil }
          var bindings = example
          bindings[own.variable] = (number - offset) / stride
          return own.pattern.name(bindings).map { ($0, own.rule.number) }
        }
      }
    }
  }

  private func between(_ numbers: some Collection<Int>) -> Set<Int> {
    guard let first = numbers.min(), let last = numbers.max() else { return [] }
    return Set(first...last)
  }
}

extension NamePattern.Part {
  var isIndex: Bool { if case .index = self { true } else { false } }
}

extension NamePattern {
  var firstIndex: IndexExpression? {
    for case .index(let index) in parts { return index }
    return nil
  }
}
