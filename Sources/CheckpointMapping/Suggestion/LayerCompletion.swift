import CheckpointCore

/// Pairs what lies beside proven tensors in the same layer. A bias that was never trained is zero like
/// all others: that it belongs to its kernel is what tells it from them.
struct LayerCompletion {
  private let source: DraftSide
  private let target: DraftSide
  private let evidence: ValueEvidence

  init(_ source: DraftSide, _ target: DraftSide, _ evidence: ValueEvidence) {
    self.source = source
    self.target = target
    self.evidence = evidence
  }

  /// Rules for the other tensors of the layers that `proven` has some of; each holds for the values.
  func rules(beside proven: [DraftRule]) throws -> [DraftRule] {
    let known = Dictionary(
      proven.map { ($0.targets, $0) }, uniquingKeysWith: { first, _ in first })
    let finders = (
      LayerFinder(side: source, recipes: LayerRecipe.builtIn) { _ in true },
      LayerFinder(side: target, recipes: LayerRecipe.builtIn) { _ in true }
    )
    let sources = Dictionary(grouping: finders.0.sources(isStacked: false), by: \.key)
    var made = Set(proven.flatMap(\.targets))
    var used = Set(proven.flatMap(\.sources))
    var result: [DraftRule] = []
    for unit in finders.1.targets() {
      guard let (from, choice) = partner(of: unit, among: sources[unit.key] ?? [], known) else {
        continue
      }
      for (line, own) in lines(unit, from) {
        guard let layout = choice.layout(of: line.rule) else { continue }
        let rule = DraftRule(
          targets: names(line.tensors, target),
          content: .tensors(sources: names(own.tensors, source), layout: layout),
          evidence: .values, question: nil)
        guard made.isDisjoint(with: rule.targets), used.isDisjoint(with: rule.sources),
          try evidence.holds(layout, rule.sources, rule.targets)
        else { continue }
        made.formUnion(rule.targets)
        used.formUnion(rule.sources)
        result.append(rule)
      }
    }
    return result
  }

  private func names(_ tensors: [Int], _ side: DraftSide) -> [TensorName] {
    tensors.map { side.tensors[$0].name }
  }

  /// The lines of two units that are each other's counterpart.
  private func lines(
    _ unit: LayerUnit, _ other: LayerUnit
  ) -> [(target: LayerUnit.Line, source: LayerUnit.Line)] {
    unit.lines.compactMap { line in
      other.lines.first { $0.rule.isSame(as: line.rule) }.map { (line, $0) }
    }
  }

  /// The layer of the source that has all proven tensors of `unit`, and the layouts they show.
  private func partner(
    of unit: LayerUnit, among candidates: [LayerUnit], _ known: [[TensorName]: DraftRule]
  ) -> (LayerUnit, RecipeChoice)? {
    for candidate in candidates {
      var choices = RecipeChoice.all(of: unit.lines.map(\.rule))
      var isProven = false
      for (line, own) in lines(unit, candidate) {
        guard let rule = known[names(line.tensors, target)],
          case .tensors(let sources, let layout) = rule.content
        else { continue }
        guard sources == names(own.tensors, source) else {
          choices = []
          break
        }
        isProven = true
        choices.removeAll { choice in
          choice.layout(of: line.rule).map { !doTheSame($0, layout, own, line) } ?? true
        }
      }
      if isProven, let choice = choices.first { return (candidate, choice) }
    }
    return nil
  }

  private func doTheSame(
    _ a: NamedLayout, _ b: NamedLayout, _ from: LayerUnit.Line, _ to: LayerUnit.Line
  ) -> Bool {
    let ways = [a, b].map { layout in
      LayoutBinding.literal(
        layout.layout, sources: from.tensors.map { source.tensors[$0].shape },
        targets: to.tensors.map { target.tensors[$0].shape })?.forward()
    }
    guard let first = ways[0], let second = ways[1] else { return false }
    return first.doesTheSame(as: second)
  }
}

/// One of the ways that a recipe leaves open: its own layouts, or an alternative of its questions.
private struct RecipeChoice {
  /// The alternative, counted from 0; `nil` for the recipe's own.
  private let alternative: Int?

  static func all(of rules: [MappingRule]) -> [RecipeChoice] {
    let count = rules.map { $0.question?.alternatives.count ?? 0 }.max() ?? 0
    return [RecipeChoice(alternative: nil)] + (0..<count).map { RecipeChoice(alternative: $0) }
  }

  func layout(of rule: MappingRule) -> NamedLayout? {
    guard case .tensors(let tensors) = rule.action else { return nil }
    guard let alternative, let question = rule.question else { return tensors.layout }
    guard question.alternatives.indices.contains(alternative) else { return nil }
    return try? MappingRuleParser.plain.layout(DocumentNode(question.alternatives[alternative]))
  }
}
