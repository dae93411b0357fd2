import CheckpointCore

/// How the tensors of one side of a rule become those of the other: a formula, and what the formula
/// alone cannot say.
package struct Layout: Sendable, Hashable {
  /// Places along the leading axis of the left side that no source fills: they are zero.
  package struct Fill: Sendable, Hashable {
    package let axis: String
    /// In ascending order.
    package let positions: [Int]
  }

  /// The extent of an axis that shapes alone do not tell.
  package enum Extent: Sendable, Hashable {
    case number(Int)
    /// As long as dimension `axis` of another tensor of the source: a name that may hold `{n}`.
    case sibling(NamePattern, axis: Int)
  }

  package internal(set) var formula: LayoutFormula
  /// Axes that run backwards.
  package internal(set) var flip: [String]
  /// Axes of the left side of which only one index is taken.
  package internal(set) var at: [String: IndexExpression]
  package internal(set) var sizes: [String: Extent]
  package internal(set) var fill: Fill?
  /// Axes whose places stand in another order on the right side: place `i` there is place
  /// `order[i]` of the left side.
  package internal(set) var order: [String: [Int]]
  /// What is done to every number.
  package internal(set) var operation: ValueOperation?

  init(
    _ formula: LayoutFormula, flip: [String] = [], at: [String: IndexExpression] = [:],
    sizes: [String: Extent] = [:], fill: Fill? = nil, order: [String: [Int]] = [:],
    operation: ValueOperation? = nil
  ) {
    self.formula = formula
    self.flip = flip
    self.at = at
    self.sizes = sizes
    self.fill = fill
    self.order = order
    self.operation = operation
  }

  package static let copy = Layout(.copy)

  /// Whether the sources stand along the leading axis of the left side. A single source without
  /// places to fill is the left side itself.
  func stacksSources(_ count: Int) -> Bool { count > 1 || fill != nil }
  func stacksTargets(_ count: Int) -> Bool { count > 1 }

  /// What is wrong with the layout for these numbers of sources and targets; `nil` where it is
  /// sound.
  func problem(sources: Int, targets: Int) -> String? {
    let (left, right) = (
      LayoutFormula.axes(of: formula.left), LayoutFormula.axes(of: formula.right)
    )
    func leading(_ side: [LayoutFormula.Dimension]) -> String? {
      if case .axes(let names)? = side.first, names.count == 1 { names[0] } else { nil }
    }
    if stacksSources(sources), leading(formula.left) == nil {
      return "several sources stand along the first axis of the left side, which must be one axis"
    }
    if stacksTargets(targets), leading(formula.right) == nil {
      return "several targets stand along the first axis of the right side, which must be one axis"
    }
    if let fill {
      guard leading(formula.left) == fill.axis else {
        return "'\(fill.axis)' is not the first axis of the left side: only places of sources can "
          + "be filled"
      }
      let count = sources + fill.positions.count
      guard Set(fill.positions).count == fill.positions.count,
        fill.positions.allSatisfy({ (0..<count).contains($0) })
      else {
        return "the filled places \(fill.positions) and \(sources) sources do not make "
          + "\(count) places along '\(fill.axis)'"
      }
    }
    let stack = stacksSources(sources) ? leading(formula.left) : nil
    if case .number(let count)? = stack.flatMap({ sizes[$0] }),
      count != sources + (fill?.positions.count ?? 0)
    {
      return "it takes \(count - (fill?.positions.count ?? 0)) sources, \(sources) given"
    }
    for axis in flip where !left.contains(axis) || at[axis] != nil {
      return "'\(axis)' is flipped, but is no axis of it"
    }
    for axis in at.keys.sorted() {
      guard left.contains(axis), axis != stack else {
        return "one index is taken along '\(axis)', which is no axis of a source"
      }
      guard !right.contains(axis) else {
        return "one index is taken along '\(axis)', which the right side still has"
      }
    }
    for (axis, places) in order.sorted(by: { $0.key < $1.key }) {
      guard left.contains(axis), axis != stack, !flip.contains(axis), at[axis] == nil else {
        return "'\(axis)' has an order, but is no axis of a source that is taken whole and forwards"
      }
      guard places.sorted() == Array(places.indices) else {
        return "\(places) is no order of the places along '\(axis)'"
      }
      if case .number(let count)? = sizes[axis], count != places.count {
        return "'\(axis)' has \(count) places, its order \(places.count)"
      }
    }
    for axis in sizes.keys.sorted() where !left.contains(axis) && !right.contains(axis) {
      return "the size of '\(axis)' is given, which is no axis of it"
    }
    if let axis = left.first(where: { !right.contains($0) && at[$0] == nil }) {
      return "the axis '\(axis)' stands on the left side only"
    }
    if let axis = right.first(where: { !left.contains($0) }) {
      return "the axis '\(axis)' stands on the right side only"
    }
    return nil
  }
}

extension Layout: CustomStringConvertible {
  /// The formula and what goes beyond it: `kh kw i o -> i o kh kw, kh and kw flipped`.
  package var description: String {
    var parts = [formula.description]
    if !flip.isEmpty { parts.append("\(flip.joined(separator: " and ")) flipped") }
    for (axis, index) in at.sorted(by: { $0.key < $1.key }) { parts.append("\(axis) = \(index)") }
    if let fill {
      parts.append(
        "\(fill.axis) = \(fill.positions.map(String.init).joined(separator: ", ")) zero")
    }
    for (axis, places) in order.sorted(by: { $0.key < $1.key }) {
      parts.append("\(axis) in the order \(places.map(String.init).joined(separator: ", "))")
    }
    if let operation { parts.append(operation.description) }
    return parts.joined(separator: ", ")
  }

  /// Whether this is a plain copy, for any shape.
  package var isCopy: Bool {
    formula.left == formula.right && flip.isEmpty && at.isEmpty && fill == nil && order.isEmpty
      && operation == nil
  }
}
