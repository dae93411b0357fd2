import CheckpointCore

/// Adds to a draft's layouts the extents without which one of the two directions could not tell how
/// a merged dimension divides.
enum SizesNeeded {
  static func completed(
    _ rule: DraftRule, sources: [TensorInfo], targets: [TensorInfo]
  ) -> DraftRule {
    guard case .tensors(let names, let layout) = rule.content, !sources.isEmpty,
      let whole = ValueEvidence.binding(
        layout.layout, sources.map(\.shape), targets.map(\.shape))
    else { return rule }
    var sizes = layout.layout.sizes
    let stack = layout.layout.stacksSources(sources.count) || targets.count > 1
    // An axis of which one index is taken is as long as the source makes it.
    let open = Set(layout.layout.at.keys)
    for axis in LayoutFormula.axes(of: layout.layout.formula.left) where sizes[axis] == nil {
      let own = layout.layout.with(sizes: sizes)
      let known = open.reduce(into: [String: Int]()) { $0[$1] = whole.sizes[$1] }
      let isBound = [
        (sources.map(\.shape), [Shape]()), ([], targets.map(\.shape)),
      ].allSatisfy { shapes in
        Self.isBound(own, shapes.0, shapes.1, sources.count, targets.count, known)
      }
      if isBound { break }
      guard Self.isMerged(axis, layout.layout.formula), let extent = whole.sizes[axis],
        !(stack && LayoutFormula.axes(of: layout.layout.formula.left).first == axis)
      else { continue }
      sizes[axis] = .number(extent)
    }
    guard sizes != layout.layout.sizes else { return rule }
    var result = rule
    result.content = .tensors(
      sources: names, layout: layout.with(layout.layout.with(sizes: sizes)))
    return result
  }

  private static func isBound(
    _ layout: Layout, _ sources: [Shape], _ targets: [Shape], _ sourceCount: Int,
    _ targetCount: Int, _ known: [String: Int]
  ) -> Bool {
    var tensors = LayoutBinding.Tensors(
      sourceCount: sourceCount, targetCount: targetCount, sources: sources, targets: targets)
    for (axis, extent) in layout.sizes {
      if case .number(let count) = extent { tensors.sizes[axis] = count }
    }
    if sources.isEmpty { tensors.sizes.merge(known) { first, _ in first } }
    tensors.at = layout.at.compactMapValues { $0.value([:]) }
    return (try? LayoutBinding(layout, tensors)) != nil
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

extension Layout {
  /// The same with other extents.
  func with(sizes: [String: Extent]) -> Layout {
    Layout(
      formula, flip: flip, at: at, sizes: sizes, fill: fill, order: order, operation: operation)
  }
}
