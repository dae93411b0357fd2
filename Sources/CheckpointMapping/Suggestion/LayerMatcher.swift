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
  private(set) var rules: [DraftRule]
  /// Per stacked tensor of the source, the layers that were paired.
  private var pairedLayers: [Int: Set<Int>] = [:]

  /// - Parameter proven: the rules that are known already.
  init(
    _ source: DraftSide, _ target: DraftSide, proven: [DraftRule],
    pinned: [TensorName: TensorName]
  ) {
    rules = proven
    let made = Set(proven.flatMap(\.targets))
    let used = Set(proven.flatMap(\.sources))
    sourceIsFree = source.tensors.map { !used.contains($0.name) }
    targetIsFree = target.tensors.map { !made.contains($0.name) }
    self.source = source
    self.target = target
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
    // Layers of several tensors first: their names are their own. Vectors last: many have the same
    // shape, and what was paired around them tells them apart.
    match(recipes.filter { $0.rules.count > 1 }, minimumRank: 0)
    for rank in [2, 0] { match(recipes.filter { $0.rules.count == 1 }, minimumRank: rank) }
    matchTensors()
  }

  private mutating func match(_ recipes: [LayerRecipe], minimumRank: Int) {
    let targets = LayerFinder(side: target, recipes: recipes) { [targetIsFree] in targetIsFree[$0] }
      .targets().filter { target.tensors[$0.lines[0].tensors[0]].shape.rank >= minimumRank }
    var wanted = Dictionary(grouping: targets, by: \.key)
    for isStacked in [false, true] {
      wanted = wanted.mapValues { units in units.filter { isFree($0, in: \.targetIsFree) } }
      let sources = LayerFinder(side: source, recipes: recipes) { [sourceIsFree] in sourceIsFree[$0]
      }
      match(sources.sources(isStacked: isStacked), wanted)
    }
    closeStacks()
  }

  /// Takes stacks whose layers were all paired; the others are left as they were.
  private mutating func closeStacks() {
    var broken: Set<TensorName> = []
    for (index, layers) in pairedLayers {
      if layers.count == source.tensors[index].shape.dimensions[0] {
        sourceIsFree[index] = false
      } else {
        broken.insert(source.tensors[index].name)
      }
    }
    pairedLayers = [:]
    guard !broken.isEmpty else { return }
    rules.removeAll { rule in
      guard case .tensors(let sources, _) = rule.content, sources.contains(where: broken.contains)
      else { return false }
      for (index, tensor) in target.tensors.enumerated() where rule.targets.contains(tensor.name) {
        targetIsFree[index] = true
      }
      return true
    }
  }

  /// Notes that a pair took these tensors of the source.
  private mutating func take(_ indices: [Int], layer: Int?) {
    for index in indices {
      if let layer {
        pairedLayers[index, default: []].insert(layer)
      } else {
        sourceIsFree[index] = false
      }
    }
  }

  private mutating func match(
    _ sources: [LayerUnit], _ wanted: [String: [LayerUnit]]
  ) {
    // The layers of a stack are counted below what all its tensors share.
    let shared = Self.sharedLength(sources.map(\.module))
    func path(_ unit: LayerUnit) -> [String] {
      Self.numbered(Array(unit.module), unit.layer, below: shared)
    }
    let targets = wanted.values.flatMap { $0 }
    matchFamilies(sources, targets, path)
    var graph = MatchGraph()
    var candidates: [MatchGraph.Edge: Candidate] = [:]
    for unit in sources where isFree(unit, in: \.sourceIsFree) {
      for other in wanted[unit.key] ?? [] where isFree(other, in: \.targetIsFree) {
        let edge = graph.connect(path(unit), Array(other.module))
        candidates[edge, default: Candidate()].units.append((unit, other))
      }
    }
    let isPinned = pinnedEdges(candidates)
    let parts = (
      DraftSide.parts(graph.sources.map { $0[...] }), DraftSide.parts(graph.targets.map { $0[...] })
    )
    let kinship = Kinship(rules)
    let pairs = graph.pairs(
      source: parts.0, target: parts.1, pinned: isPinned, kinship: kinship.degree)
    for pair in pairs {
      guard let candidate = candidates[pair.edge] else { continue }
      accept(candidate, evidence: pair.evidence) { pair.question(graph, leaf: $0) }
    }
  }

  private func isFree(_ unit: LayerUnit, in side: KeyPath<LayerMatcher, [Bool]>) -> Bool {
    let free = self[keyPath: side]
    return unit.tensors.allSatisfy { free[$0] }
  }

  /// Pairs numbered families as wholes, those apart about which a question was answered.
  private mutating func matchFamilies(
    _ sources: [LayerUnit], _ targets: [LayerUnit], _ path: (LayerUnit) -> [String]
  ) {
    guard pinned.isEmpty else { return }
    let pairs = FamilyPairing.pairs(
      sources.map { .init(path: path($0), key: $0.key) },
      targets.map { .init(path: Array($0.module), key: $0.key) })
    guard !pairs.isEmpty else { return }
    struct Place: Hashable {
      let source: [String]
      let target: [String]
    }
    // Other recipes that fit the same modules.
    var candidates: [Place: Candidate] = [:]
    let byKey = Dictionary(grouping: targets, by: \.key)
    let wanted = Set(
      pairs.map {
        Place(source: path(sources[$0.source]), target: Array(targets[$0.target].module))
      })
    let modules = Dictionary(grouping: wanted, by: \.source).mapValues { $0.map(\.target) }
    for unit in sources {
      let own = path(unit)
      guard let partners = modules[own] else { continue }
      for other in byKey[unit.key] ?? [] where partners.contains(Array(other.module)) {
        candidates[Place(source: own, target: Array(other.module)), default: Candidate()]
          .units.append((unit, other))
      }
    }
    for pair in pairs {
      let place = Place(
        source: path(sources[pair.source]), target: Array(targets[pair.target].module))
      guard let candidate = candidates[place] else { continue }
      accept(candidate, evidence: pair.evidence) { _ in nil }
    }
  }

  private static func sharedLength(_ paths: [ArraySlice<String>]) -> Int {
    guard let first = paths.first else { return 0 }
    return paths.reduce(first.count) { length, path in
      min(length, zip(first, path).prefix { $0 == $1 }.count)
    }
  }

  /// A path with the number of a layer in it.
  private static func numbered(
    _ path: [String], _ layer: Int?, below length: Int
  ) -> [String] {
    guard let layer else { return path }
    return path[..<length] + ["\(layer)"] + path[length...]
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
    _ candidate: Candidate, evidence: DraftRule.Evidence,
    question: ([String]) -> DraftRule.Question?
  ) {
    // Where the names speak of going up, a kernel that could be either is a transposed one's.
    let flipped = candidate.units.first { unit in
      unit.target.lines.contains { line in
        guard case .tensors(let tensors) = line.rule.action else { return false }
        return !tensors.layout.layout.flip.isEmpty
          && LayoutDoubt.speaksOfTransposing(target.tensors[line.tensors[0]].name)
      }
    }
    guard let unit = flipped ?? candidate.units.first,
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
      let others = candidate.units.compactMap { other in
        other.source.lines.lazy.compactMap { line -> NamedLayout? in
          guard line.tensors == from.tensors, case .tensors(let rule) = line.rule.action,
            rule.targets == tensors.targets
          else { return nil }
          return rule.layout
        }.first
      }
      let named = tensors.layout.stacked(at: unit.source.layer)
      let leaf = Array(source.paths[from.tensors[0]].dropFirst(unit.source.module.count))
      rules.append(
        DraftRule(
          targets: line.tensors.map { target.tensors[$0].name },
          content: .tensors(sources: from.tensors.map { source.tensors[$0].name }, layout: named),
          evidence: evidence,
          question: question(leaf)
            ?? line.rule.question.map { .init(text: $0.text, alternatives: $0.alternatives) }
            ?? LayoutDoubt.question(
              tensors.layout, others, stack: unit.source.layer,
              sources: from.tensors.map { source.tensors[$0] },
              target: target.tensors[line.tensors[0]])))
    }
    take(unit.source.tensors, layer: unit.source.layer)
    for index in unit.target.tensors { targetIsFree[index] = false }
  }

  /// A constant of a recipe, for the tensors that the target has.
  private func constant(
    _ constant: MappingRule.Constant, _ line: LayerUnit.Line, _ unit: LayerUnit
  ) -> DraftRule {
    let tensor = target.tensors[line.tensors[0]]
    return DraftRule(
      targets: [tensor.name],
      content: .constant(constant.placed(at: tensor, in: unit.module, of: target)),
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
              Self.numbered(source.paths[from], isStacked ? layer : nil, below: 1),
              target.paths[to])
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
        target: DraftSide.parts(graph.targets.map { $0[...] }), pinned: pins, isStrict: isStacked,
        kinship: Kinship(rules).degree)
      for pair in pairs {
        guard let place = indices[pair.edge], let layout = layouts[pair.edge] else { continue }
        rules.append(
          DraftRule(
            targets: [target.tensors[place.target].name],
            content: .tensors(sources: [source.tensors[place.source].name], layout: layout),
            evidence: pair.evidence,
            question: pair.question(graph, leaf: [])
              ?? LayoutDoubt.question(
                layout, [], stack: place.layer, sources: [source.tensors[place.source]],
                target: target.tensors[place.target])))
        take([place.source], layer: place.layer)
        targetIsFree[place.target] = false
      }
      closeStacks()
    }
  }
}

extension MappingRule {
  /// Whether two lines are the same line of one recipe.
  func isSame(as other: MappingRule) -> Bool {
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
    var stacked = layout
    stacked.formula = LayoutFormula(left: left, right: layout.formula.right)
    stacked.at[axis] = IndexExpression(variable: nil, offset: layer)
    return NamedLayout(layout: stacked)
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
