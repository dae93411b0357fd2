import CheckpointCore

/// What the kernels whose shapes tell their layout say of the square ones beside them: a framework
/// lays out all dense layers alike.
struct SiblingLayouts {
  /// Kernels of one kind: the same last parts of their names, and numbers of dimensions.
  private struct Kind: Hashable {
    let names: [String]
    let ranks: [Int]

    init?(_ rule: DraftRule, _ layout: NamedLayout) {
      guard rule.sources.count == 1, rule.targets.count == 1 else { return nil }
      names = [rule.sources[0], rule.targets[0]].map { NameParts.split($0).last ?? "" }
      ranks = [layout.layout.formula.left.count, layout.layout.formula.right.count]
      // Vectors have one layout, and a name that is a number or a weight tells no kind.
      guard ranks.contains(where: { $0 > 1 }), names[0].hasSuffix("kernel") else { return nil }
    }
  }

  private var told: [Kind: Set<String>] = [:]

  init(_ rules: [DraftRule]) {
    for rule in rules where rule.question == nil {
      guard case .tensors(_, let layout) = rule.content, let kind = Kind(rule, layout) else {
        continue
      }
      told[kind, default: []].insert(layout.layout.formula.description)
    }
  }

  /// The rule without the question that its siblings answer.
  func settled(_ rule: DraftRule) -> DraftRule {
    guard case .tensors(_, let layout) = rule.content, let question = rule.question,
      let kind = Kind(rule, layout), let formulas = told[kind], formulas.count == 1
    else { return rule }
    let choices =
      [layout]
      + question.alternatives.compactMap {
        try? MappingRuleParser.plain.layout(DocumentNode($0))
      }
    // A flipped kernel is a transposed convolution's, of which other convolutions tell nothing.
    guard choices.count == question.alternatives.count + 1,
      choices.allSatisfy({ $0.layout.flip.isEmpty }),
      let choice = choices.first(where: { formulas.contains($0.layout.formula.description) })
    else { return rule }
    var result = rule
    result.content = .tensors(sources: rule.sources, layout: choice)
    result.question = nil
    return result
  }
}
