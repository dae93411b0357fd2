import CheckpointCore

/// A layer of one side, seen by a recipe.
struct LayerUnit: Sendable {
  /// A rule of the recipe with the tensors it has here.
  struct Line: Sendable {
    let rule: MappingRule
    /// Indices into the side's tensors, in the rule's order; one side's only.
    let tensors: [Int]
    /// The index along a leading axis of layers, where the tensors are stacked.
    let layer: Int?
  }

  let recipe: Int
  let module: ArraySlice<String>
  let lines: [Line]
  /// What a unit of the other side must look like: the targets' names in the layer, and shapes.
  let key: String
  /// The layer of a stack that this is.
  var layer: Int?

  var tensors: [Int] { lines.flatMap(\.tensors) }
}

/// Finds the layers of a side that a recipe could describe.
struct LayerFinder {
  let side: DraftSide
  let recipes: [LayerRecipe]
  /// The tensors that are still to be matched.
  let isFree: (Int) -> Bool

  private static func leaf(_ pattern: NamePattern) -> [String] {
    NameParts.split(TensorName(pattern.description))
  }

  /// The layers of the source's side.
  ///
  /// - Parameter isStacked: whether the tensors have a leading axis of layers: each layer is a unit.
  func sources(isStacked: Bool) -> [LayerUnit] {
    recipes.indices.flatMap { number -> [LayerUnit] in
      guard case .tensors(let first)? = recipes[number].rules.first?.action else { return [] }
      return side.modules(with: Self.leaf(first.sources[0])).flatMap { module in
        isStacked
          ? stacked(number, module)
          : lines(number, module, layer: nil).map { [unit(number, module, $0)] } ?? []
      }
    }
  }

  private func stacked(_ number: Int, _ module: ArraySlice<String>) -> [LayerUnit] {
    guard let whole = lines(number, module, layer: 0),
      let count = whole.first?.0.tensors.first.map({ side.tensors[$0].shape.dimensions[0] }),
      (2...10_000).contains(count)
    else { return [] }
    return (0..<count).compactMap { layer in
      lines(number, module, layer: layer).map { lines in
        var unit = unit(number, module, lines)
        unit.layer = layer
        return unit
      }
    }
  }

  private func unit(
    _ number: Int, _ module: ArraySlice<String>, _ lines: [(LayerUnit.Line, String)]
  ) -> LayerUnit {
    LayerUnit(
      recipe: number, module: module, lines: lines.map(\.0),
      key: "\(number) " + lines.map(\.1).sorted().joined(separator: " "))
  }

  /// The recipe's rules at a module, each with what it makes; `nil` where one does not hold.
  private func lines(
    _ number: Int, _ module: ArraySlice<String>, layer: Int?
  ) -> [(LayerUnit.Line, String)]? {
    var result: [(LayerUnit.Line, String)] = []
    let recipe = recipes[number]
    for (rule, isRequired) in recipe.rules.map({ ($0, true) })
      + recipe.optional.map({ ($0, false) })
    {
      guard case .tensors(let tensors) = rule.action else { continue }
      let found = tensors.sources.compactMap { side.index(module, Self.leaf($0)) }.filter(isFree)
      guard found.count == tensors.sources.count else {
        if isRequired { return nil }
        continue
      }
      guard let made = made(tensors, found, layer: layer) else { return nil }
      result.append((LayerUnit.Line(rule: rule, tensors: found, layer: layer), made))
    }
    return result
  }

  /// The targets' names and shapes: `weight(3, 4)`.
  private func made(_ rule: MappingRule.Tensors, _ found: [Int], layer: Int?) -> String? {
    var shapes = found.map { side.tensors[$0].shape }
    if layer != nil {
      let inner = shapes.compactMap { shape in
        shape.rank > 0 && shape.dimensions[0] == shapes[0].dimensions[0]
          ? Shape(Array(shape.dimensions.dropFirst())) : nil
      }
      guard inner.count == shapes.count else { return nil }
      shapes = inner
    }
    let binding = LayoutBinding.literal(
      rule.layout.layout, sources: shapes, targetCount: rule.targets.count)
    guard let shape = binding?.targetShape else { return nil }
    return rule.targets.map { "\($0)\(shape)" }.joined(separator: " ")
  }

  /// The layers of the target's side.
  func targets() -> [LayerUnit] {
    recipes.indices.flatMap { number -> [LayerUnit] in
      guard case .tensors(let first)? = recipes[number].rules.first?.action else { return [] }
      return side.modules(with: Self.leaf(first.targets[0])).compactMap { module in
        var lines: [(LayerUnit.Line, String)] = []
        let recipe = recipes[number]
        for (rule, isRequired) in recipe.rules.map({ ($0, true) })
          + recipe.optional.map({ ($0, false) })
        {
          let names = rule.action.targets
          let found = names.compactMap { side.index(module, Self.leaf($0)) }.filter(isFree)
          guard found.count == names.count else {
            if isRequired { return nil }
            continue
          }
          var made = ""
          if case .tensors = rule.action {
            made = zip(names, found).map { "\($0)\(side.tensors[$1].shape)" }
              .joined(separator: " ")
          }
          lines.append((LayerUnit.Line(rule: rule, tensors: found, layer: nil), made))
        }
        return LayerUnit(
          recipe: number, module: module, lines: lines.map(\.0),
          key: "\(number) "
            + lines.map(\.1).filter { !$0.isEmpty }.sorted().joined(separator: " "))
      }
    }
  }
}
