import CheckpointCore

/// Adds to a draft's layouts the extents without which one of the two directions could not tell how
/// a merged dimension divides.
enum SizesNeeded {
  static func completed(
    _ rule: DraftRule, sources: [TensorInfo], targets: [TensorInfo]
  ) -> DraftRule {
    guard case .tensors(let names, var layout) = rule.content, !sources.isEmpty else { return rule }
    let shapes = (sources: sources.map(\.shape), targets: targets.map(\.shape))
    guard
      let whole = LayoutBinding.literal(
        layout.layout, sources: shapes.sources, targets: shapes.targets)
    else { return rule }
    let axes = LayoutFormula.axes(of: layout.layout.formula.left)
    let isStacked = layout.layout.stacksSources(sources.count) || targets.count > 1
    // An axis of which one index is taken is as long as the source makes it.
    let taken = whole.sizes.filter { layout.layout.at[$0.key] != nil }
    for axis in axes where layout.layout.sizes[axis] == nil {
      let forward = LayoutBinding.literal(
        layout.layout, sources: shapes.sources, targetCount: targets.count)
      let back = LayoutBinding.literal(
        layout.layout, sources: [], targets: shapes.targets, sourceCount: sources.count,
        sizes: taken)
      if forward != nil, back != nil { break }
      guard isMerged(axis, layout.layout.formula), let extent = whole.sizes[axis],
        !(isStacked && axes.first == axis)
      else { continue }
      layout.layout.sizes[axis] = .number(extent)
    }
    var result = rule
    result.content = .tensors(sources: names, layout: layout)
    return result
  }

  /// Whether the axis shares a dimension with others on either side.
  private static func isMerged(_ axis: String, _ formula: LayoutFormula) -> Bool {
    (formula.left + formula.right).contains { dimension in
      if case .axes(let names) = dimension {
        names.count > 1 && names.contains(axis)
      } else {
        false
      }
    }
  }
}
