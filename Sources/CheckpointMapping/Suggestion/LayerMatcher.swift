import CheckpointCore

/// Pairs the layers of two files by their names, their order and the shapes that recipes allow.
struct LayerMatcher {
  private let source: DraftSide
  private let target: DraftSide
  private let recipes: [LayerRecipe]
  private var sourceIsFree: [Bool]
  private var targetIsFree: [Bool]
  /// Pairs that were answered: a target and the source it is made from.
  private let pinned: [TensorName: TensorName]
  private(set) var rules: [DraftRule] = []

  init(
    _ source: DraftSide, _ target: DraftSide, sourceIsFree: [Bool], targetIsFree: [Bool],
    pinned: [TensorName: TensorName]
  ) {
    self.source = source
    self.target = target
    self.sourceIsFree = sourceIsFree
    self.targetIsFree = targetIsFree
    self.pinned = pinned
    let world = source.world
    recipes = LayerRecipe.builtIn.filter { $0.source == nil || $0.source == world }
  }

  var freeSources: [Int] { sourceIsFree.indices.filter { sourceIsFree[$0] } }
  var freeTargets: [Int] { targetIsFree.indices.filter { targetIsFree[$0] } }

  /// Two layers that a recipe, or several, would make one of.
  private struct Candidate {
    /// By the recipes' order, the likeliest first.
    var units: [(source: LayerUnit, target: LayerUnit)] = []
  }

  mutating func match() {
    // Layers of several tensors first: their names are their own.
    match(recipes.filter { $0.rules.count > 1 })
    match(recipes.filter { $0.rules.count == 1 })
    matchTensors()
  }

  private mutating func match(_ recipes: [LayerRecipe]) {
    let sources = LayerFinder(side: source, recipes: recipes) { [sourceIsFree] in sourceIsFree[$0] }
    let targets = LayerFinder(side: target, recipes: recipes) { [targetIsFree] in targetIsFree[$0] }
    let wanted = Dictionary(grouping: targets.targets(), by: \.key)
    match(sources.sources(isStacked: false), wanted, recipes)
    let left = wanted.mapValues { units in
      units.filter { $0.tensors.allSatisfy { targetIsFree[$0] } }
    }
    let stacked = LayerFinder(side: source, recipes: recipes) { [sourceIsFree] in sourceIsFree[$0] }
    match(stacked.sources(isStacked: true), left, recipes)
  }

  private mutating func match(
    _ sources: [LayerUnit], _ wanted: [String: [LayerUnit]], _ recipes: [LayerRecipe]
  ) {
    var graph = MatchGraph()
    var candidates: [MatchGraph.Edge: Candidate] = [:]
    for unit in sources {
      for other in wanted[unit.key] ?? [] {
        let edge = graph.connect(
          Array(unit.module) + (unit.layer.map { ["\($0)"] } ?? []), Array(other.module))
        candidates[edge, default: Candidate()].units.append((unit, other))
      }
    }
    let isPinned = pinnedEdges(candidates)
    let parts = (
      DraftSide.parts(graph.sources.map { $0[...] }), DraftSide.parts(graph.targets.map { $0[...] })
    )
    let pairs = graph.pairs(source: parts.0, target: parts.1, pinned: isPinned)
    for pair in pairs {
      guard let candidate = candidates[pair.edge] else { continue }
      accept(candidate, pair, graph, recipes)
    }
  }

  private func pinnedEdges(_ candidates: [MatchGraph.Edge: Candidate]) -> Set<MatchGraph.Edge> {
    guard !pinned.isEmpty else { return [] }
    return Set(
      candidates.filter { _, candidate in
        guard let unit = candidate.units.first else { return false }
        return zip(unit.source.lines, unit.target.lines).contains { from, to in
          to.tensors.contains { index in
            from.tensors.contains { pinned[target.tensors[index].name] == source.tensors[$0].name }
          }
        }
      }.keys)
  }

  /// Turns a pair of layers into rules, one per line of the recipe.
  private mutating func accept(
    _ candidate: Candidate, _ pair: MatchGraph.Pair, _ graph: MatchGraph, _ recipes: [LayerRecipe]
  ) {
    guard let unit = candidate.units.first,
      unit.source.tensors.allSatisfy({ sourceIsFree[$0] }),
      unit.target.tensors.allSatisfy({ targetIsFree[$0] })
    else { return }
    for line in unit.target.lines {
      guard let from = unit.source.lines.first(where: { $0.rule.isSame(as: line.rule) }) else {
        if case .constant(let constant) = line.rule.action {
          rules.append(self.constant(constant, line, unit.target))
        }
        continue
      }
      guard case .tensors(let tensors) = line.rule.action else { continue }
      let others = candidate.units.dropFirst().compactMap { other in
        other.source.lines.lazy.compactMap { line -> NamedLayout? in
          guard line.tensors == from.tensors, case .tensors(let rule) = line.rule.action,
            rule.targets.count == tensors.targets.count
          else { return nil }
          return rule.layout
        }.first
      }
      let named = tensors.layout.stacked(at: unit.source.layer)
      rules.append(
        DraftRule(
          targets: line.tensors.map { target.tensors[$0].name },
          content: .tensors(sources: from.tensors.map { source.tensors[$0].name }, layout: named),
          evidence: pair.evidence,
          question: pair.question(graph)
            ?? line.rule.question.map { .init(text: $0.text, alternatives: $0.alternatives) }
            ?? LayoutDoubt.question(
              tensors.layout, others, stack: unit.source.layer,
              sources: from.tensors.map { source.tensors[$0] },
              target: target.tensors[line.tensors[0]])))
    }
    for index in unit.source.tensors { sourceIsFree[index] = false }
    for index in unit.target.tensors { targetIsFree[index] = false }
  }

  /// A constant of a recipe, for the tensors that the target has.
  private func constant(
    _ constant: MappingRule.Constant, _ line: LayerUnit.Line, _ unit: LayerUnit
  ) -> DraftRule {
    let tensor = target.tensors[line.tensors[0]]
    var extents = MappingRule.Constant.Extents.shape(tensor.shape)
    if case .like(let leaf) = constant.extents,
      let like = target.index(unit.module, NameParts.split(TensorName(leaf.description)))
    {
      extents = .like(NamePattern(parts: [.text(target.tensors[like].name.text)]))
    }
    return DraftRule(
      targets: [tensor.name],
      content: .constant(
        .init(
          target: NamePattern(parts: [.text(tensor.name.text)]), extents: extents,
          dtype: tensor.dtype, value: constant.value)),
      evidence: .names, question: nil)
  }

  /// Tensors that are no part of a known layer, one by one.
  private mutating func matchTensors() {
    for isStacked in [false, true] {
      var graph = MatchGraph()
      var layouts: [MatchGraph.Edge: NamedLayout] = [:]
      var indices: [MatchGraph.Edge: (source: Int, target: Int, layer: Int?)] = [:]
      let targets = Dictionary(grouping: freeTargets) { target.tensors[$0].shape.elementKey }
      for from in freeSources {
        let shape = source.tensors[from].shape
        let layers = isStacked ? (shape.dimensions.first ?? 0) : 1
        guard (1...10_000).contains(layers), !isStacked || shape.rank > 1 else { continue }
        let inner = isStacked ? Shape(Array(shape.dimensions.dropFirst())) : shape
        guard let inner else { continue }
        for to in targets[inner.elementKey] ?? [] {
          guard let layout = PlainLayout.layout(from: inner, to: target.tensors[to].shape) else {
            continue
          }
          for layer in 0..<layers {
            let edge = graph.connect(
              source.paths[from] + (isStacked ? ["\(layer)"] : []), target.paths[to])
            layouts[edge] = layout.stacked(at: isStacked ? layer : nil)
            indices[edge] = (from, to, isStacked ? layer : nil)
          }
        }
      }
      let pins = Set(
        indices.filter {
          pinned[target.tensors[$0.value.target].name] == source.tensors[$0.value.source].name
        }.keys)
      let pairs = graph.pairs(
        source: DraftSide.parts(graph.sources.map { $0[...] }),
        target: DraftSide.parts(graph.targets.map { $0[...] }), pinned: pins, isStrict: isStacked)
      for pair in pairs {
        guard let place = indices[pair.edge], let layout = layouts[pair.edge] else { continue }
        rules.append(
          DraftRule(
            targets: [target.tensors[place.target].name],
            content: .tensors(sources: [source.tensors[place.source].name], layout: layout),
            evidence: pair.evidence,
            question: pair.question(graph)
              ?? LayoutDoubt.question(
                layout, [], stack: place.layer, sources: [source.tensors[place.source]],
                target: target.tensors[place.target])))
        sourceIsFree[place.source] = false
        targetIsFree[place.target] = false
      }
    }
  }
}

extension MappingRule {
  /// Whether two lines are the same line of one recipe.
  fileprivate func isSame(as other: MappingRule) -> Bool {
    action.targets == other.action.targets && action.sources == other.action.sources
  }
}

extension Shape {
  /// Equal for shapes that differ in the order of their extents, and in extents of 1.
  fileprivate var elementKey: [Int] { dimensions.filter { $0 != 1 }.sorted() }
}

extension NamedLayout {
  /// The layout of one layer of a stack along a leading axis.
  func stacked(at layer: Int?) -> NamedLayout {
    guard let layer else { return self }
    var axis = "l"
    while LayoutFormula.axes(of: layout.formula.left).contains(axis) { axis += "_" }
    var left = layout.formula.left
    // Several sources stand along the first axis.
    left.insert(.axes([axis]), at: layout.stacksInFormula ? 1 : 0)
    return NamedLayout(
      layout: Layout(
        LayoutFormula(left: left, right: layout.formula.right), flip: layout.flip,
        at: layout.at.merging([axis: IndexExpression(variable: nil, offset: layer)]) { $1 },
        sizes: layout.sizes, fill: layout.fill, order: layout.order, operation: layout.operation))
  }
}

extension Layout {
  /// Whether the leading axis of the left side is that of several sources.
  fileprivate var stacksInFormula: Bool {
    guard case .axes(let names)? = formula.left.first, let name = names.first else { return false }
    if fill?.axis == name { return true }
    if case .number(let count)? = sizes[name] { return count > 1 }
    return name == "s" || name == "g"
  }
}
