import CheckpointCore

/// The rules for two checkpoints, before and after they are folded into families.
struct Draft {
  let rules: [DraftRule]
  let folded: [RuleFolding.Folded]
  let evidence: [(kind: String, count: Int)]
  let withoutTarget: [TensorName]
  let withoutSource: [TensorName]
  let pairCount: Int
}

/// Finds the rules: by value where the weights are the same, then by names and shapes.
struct Drafter {
  private let source: SuggestionInput
  private let target: SuggestionInput
  private let sourceSide: DraftSide
  private let targetSide: DraftSide
  private let threads: Int
  /// Tensors of the target that are others under a second name.
  private let aliases: [(tensor: TensorInfo, of: TensorName)]
  private var proven: [DraftRule] = []
  private var evidence: ValueEvidence?
  /// Whether the document is to convert from `target` to `source`.
  private let isReversed: Bool

  init(
    _ source: SuggestionInput, _ target: SuggestionInput, isReversed: Bool, threads: Int
  ) {
    self.source = source
    self.target = target
    self.isReversed = isReversed
    self.threads = threads
    let listed = withAliases(target.tensors)
    aliases = listed.compactMap { item in item.aliasOf.map { (item.tensor, $0) } }
    sourceSide = DraftSide(
      source.hasCollections
        ? source.tensors.map { $0.renamed(ParameterRoot.withoutCollection($0.name)) }
        : source.tensors)
    targetSide = DraftSide(listed.filter { $0.aliasOf == nil }.map(\.tensor))
  }

  var sourceWorld: String { sourceSide.world ?? "source" }
  var targetWorld: String {
    let world = targetSide.world ?? "target"
    return world == sourceWorld ? world + "-target" : world
  }

  /// The name that the file has for a tensor of the source's side, collection included.
  private func fileName(_ index: Int) -> TensorName { source.tensors[index].name }

  mutating func findByValue() throws {
    let evidence = try ValueEvidence(
      sourceSide.tensors, source.reader, targetSide.tensors, target.reader, threads: threads)
    self.evidence = evidence
    proven = try ValueMatcher(sourceSide, targetSide, evidence).rules()
    proven += try LayerCompletion(sourceSide, targetSide, evidence).rules(beside: proven)
  }

  func draft(pinned: [TensorName: TensorName]) throws -> Draft {
    let sourceIndex = sourceSide.tensors.placesByName
    let targetIndex = targetSide.tensors.placesByName
    let bare = Dictionary(
      pinned.map { ($0.key, ParameterRoot.withoutCollection($0.value)) },
      uniquingKeysWith: { first, _ in first })
    var matcher = LayerMatcher(sourceSide, targetSide, proven: proven, pinned: bare)
    matcher.match()
    var rules = proven
    let siblings = SiblingLayouts(matcher.rules)
    let flatten = FlattenDoubt(sourceSide)
    for rule in matcher.rules.dropFirst(proven.count) {
      rules.append(try confirmedByValue(flatten.checked(siblings.settled(rule))))
    }
    let pairCount = rules.count
    var withoutSource: [TensorName] = []
    for index in matcher.freeTargets {
      let rule = try sourceless(targetSide.tensors[index])
      if case .template = rule.content { withoutSource.append(rule.targets[0]) }
      rules.append(rule.leavingOut(when: isReversed))
    }
    rules = inFileOrder(rules, targetIndex)
    rules += aliases.map { alias in
      DraftRule(
        targets: [alias.tensor.name], content: .alias(of: alias.of), evidence: .values,
        question: nil)
    }
    let leftOver = matcher.freeSources.map(fileName)
    rules += leftOver.map { name in
      DraftRule(targets: [name], content: .drop, evidence: .names, question: nil)
        .leavingOut(when: !isReversed)
    }
    rules = rules.map { rule in
      let sources = rule.sources.compactMap { sourceIndex[$0].map { sourceSide.tensors[$0] } }
      let targets = rule.targets.compactMap { targetIndex[$0].map { targetSide.tensors[$0] } }
      return withFileNames(
        SizesNeeded.completed(rule, sources: sources, targets: targets), sourceIndex)
    }
    return Draft(
      rules: rules, folded: fold(rules), evidence: count(rules), withoutTarget: leftOver,
      withoutSource: withoutSource, pairCount: pairCount)
  }

  /// Tensors of the file that is to be made, by evidence.
  private func count(_ rules: [DraftRule]) -> [(kind: String, count: Int)] {
    var counts: [(kind: String, count: Int)] = []
    for kind in [DraftRule.Evidence.values, .names, .shape] {
      let count = rules.reduce(0) { sum, rule in
        guard case .tensors = rule.content, rule.evidence == kind else { return sum }
        return sum + (isReversed ? rule.sources.count : rule.targets.count)
      }
      if count > 0 { counts.append((kind.rawValue, count)) }
    }
    return counts
  }

  private func inFileOrder(
    _ rules: [DraftRule], _ index: [TensorName: Int]
  ) -> [DraftRule] {
    rules.enumerated().sorted { a, b in
      (index[a.element.targets[0]] ?? .max, a.offset) < (
        index[b.element.targets[0]] ?? .max, b.offset
      )
    }.map(\.element)
  }

  /// The file's name of the tensor at a path.
  private func sourceName(_ path: String) -> TensorName {
    let components = NameParts.split(TensorName(path))
    return sourceSide.index(components[...], []).map(fileName) ?? TensorName(path)
  }

  /// The same rule, its sources under the names that the file has.
  private func withFileNames(
    _ rule: DraftRule, _ index: [TensorName: Int]
  ) -> DraftRule {
    guard case .tensors(let sources, let layout) = rule.content else { return rule }
    var result = rule
    result.content = .tensors(
      sources: sources.map { name in index[name].map(fileName) ?? name }, layout: layout)
    result.question = rule.question.map { question in
      .init(
        text: question.text,
        alternatives: question.alternatives.map { alternative in
          guard case .string(let path)? = alternative["source"] else { return alternative }
          return .object(["source": .name(sourceName(path))])
        })
    }
    return result
  }

  /// A rule that was found by names, and holds for the values of these two files as well.
  private func confirmedByValue(_ rule: DraftRule) throws -> DraftRule {
    guard let evidence, case .tensors(let sources, let layout) = rule.content,
      try evidence.holds(layout, sources, rule.targets)
    else { return rule }
    var result = rule
    result.evidence = .values
    // Which of two equal tensors is meant stays open; how one is laid out does not.
    if rule.question?.alternatives.contains(where: { $0["source"] != nil }) != true,
      !evidence.isConstant(sources)
    {
      result.question = nil
    }
    return result
  }

  /// A target without a source: a counter or positions, or something to be copied from a template.
  private func sourceless(_ tensor: TensorInfo) throws -> DraftRule {
    var content = DraftRule.Content.template
    if let value = try PlainConstant.value(of: tensor, in: target.reader) {
      if let constant = RecipeConstants.constant(for: tensor, value, targetSide) {
        content = .constant(constant)
      } else if tensor.dtype.isInteger {
        content = .constant(
          .init(
            target: NamePattern(parts: [.text(tensor.name.text)]), extents: .shape(tensor.shape),
            dtype: tensor.dtype, value: value))
      }
    }
    return DraftRule(targets: [tensor.name], content: content, evidence: .names, question: nil)
  }

  private func fold(_ rules: [DraftRule]) -> [RuleFolding.Folded] {
    let made = rules.flatMap { rule in
      if case .tensors = rule.content { rule.targets } else { [TensorName]() }
    }
    let files = (FileNames(.source, source.tensors), FileNames(.target, target.tensors))
    let folding = RuleFolding(source: files.0, target: files.1, madeTargets: made)
    return PartialFamilies.marked(folding.fold(rules), source: files.0, target: files.1)
  }
}

/// Constants that a known kind of layer has beside the tensors that others make.
enum RecipeConstants {
  static func constant(
    for tensor: TensorInfo, _ value: MappingRule.Constant.Value, _ side: DraftSide
  ) -> MappingRule.Constant? {
    let path = NameParts.split(tensor.name)
    guard let leaf = path.last, case .number(let number) = value else { return nil }
    let module = path.dropLast()
    for recipe in LayerRecipe.builtIn {
      for rule in recipe.rules + recipe.optional {
        guard case .constant(let constant) = rule.action, constant.target.description == leaf,
          case .number(number) = constant.value,
          recipe.rules.flatMap(\.action.targets).allSatisfy({
            side.index(module, NameParts.split(TensorName($0.description))) != nil
          })
        else { continue }
        return constant.placed(at: tensor, in: module, of: side)
      }
    }
    return nil
  }
}

extension MappingRule.Constant {
  /// A recipe's constant for a tensor of the target; `like` is a tensor of the same module.
  func placed(
    at tensor: TensorInfo, in module: ArraySlice<String>, of side: DraftSide
  ) -> MappingRule.Constant {
    var extents = Extents.shape(tensor.shape)
    if case .like(let leaf) = self.extents,
      let like = side.index(module, NameParts.split(TensorName(leaf.description)))
    {
      extents = .like(NamePattern(parts: [.text(side.tensors[like].name.text)]))
    }
    return MappingRule.Constant(
      target: NamePattern(parts: [.text(tensor.name.text)]), extents: extents,
      dtype: tensor.dtype, value: value)
  }
}

/// The value of a tensor that is one number throughout, or counts along its last dimension.
enum PlainConstant {
  /// A larger tensor is a weight, whatever it holds.
  private static let maximumCount = 1 << 22

  static func value(
    of tensor: TensorInfo, in reader: any CheckpointReader
  ) throws -> MappingRule.Constant.Value? {
    guard tensor.shape.count <= maximumCount else { return nil }
    let values = try collectDoubles(tensor.dtype, count: tensor.shape.count) {
      try reader.stream(tensor, $0)
    }
    guard let first = values.first else { return .number(0) }
    if values.allSatisfy({ $0 == first }) { return .number(first) }
    let width = tensor.shape.dimensions.last ?? 1
    return values.enumerated().allSatisfy { $1 == Double($0 % width) } ? .range : nil
  }
}

/// Marks the families that lack members which their siblings have.
enum PartialFamilies {
  static func marked(
    _ rules: [RuleFolding.Folded], source: FileNames, target: FileNames
  ) -> [RuleFolding.Folded] {
    let parser = MappingRuleParser.plain
    var partial: Set<Int> = []
    for file in [source, target] {
      var gaps = FamilyGaps()
      for (index, folded) in rules.enumerated() {
        guard let rule = try? parser.rule(DocumentNode(.object(folded.members)), number: index),
          RuleExpansion.isOpen(rule), case .tensors = rule.action,
          let members = try? RuleExpansion.members(rule, in: file)
        else { continue }
        gaps.add(
          rule, file.side == .source ? rule.action.sources : rule.action.targets, members)
      }
      partial.formUnion(gaps.rulesWithGaps)
    }
    return rules.enumerated().map { index, rule in
      guard partial.contains(index) else { return rule }
      var result = rule
      let place = result.members.firstIndex { $0.key == "evidence" } ?? result.members.endIndex
      result.members.insert(.init("partial", .bool(true)), at: place)
      return result
    }
  }
}
