import Bytes
import CheckpointCore

/// Writes down, as a layout, what the digits of a target's dimensions say.
struct FormulaComposer {
  let source: Shape
  let target: Shape
  let digits: [AxisDigits]
  /// The position in the source of the target's first number.
  let origin: Int
  /// The sources along the stacked dimension, `nil` for a place without one.
  let order: [Int?]
  /// The dimension of the target along which the sources stand.
  let stacked: Int?

  /// An axis of the source.
  private struct Axis {
    let extent: Int
    /// The step in the source, positive.
    let stride: Int
    var isFlipped = false
    /// Where it stands in the target: the dimension, and the place among its digits; `nil` for an
    /// axis of which one index is taken.
    var place: (dimension: Int, digit: Int)?
    var index = 0
  }

  private static let stackPlace = Int.max / 2

  /// The layout: a named one where it does the same, a formula otherwise; `nil` where the digits do
  /// not fit the source.
  var layout: NamedLayout? {
    guard var axes = axes() else { return nil }
    axes.sort { ($1.stride, $0.extent) < ($0.stride, $1.extent) }
    guard let dimensions = dimensions(of: axes) else { return nil }
    let composed = compose(dimensions)
    return named(like: composed) ?? NamedLayout(layout: composed)
  }

  /// The digits as axes of the source, those of which one index is taken among them.
  private func axes() -> [Axis]? {
    var axes: [Axis] = []
    for (dimension, axis) in digits.enumerated() {
      for (number, digit) in axis.outer.enumerated() {
        axes.append(
          Axis(
            extent: digit.extent, stride: abs(digit.stride), isFlipped: digit.stride < 0,
            place: (dimension, number)))
      }
      for (number, digit) in axis.inner.enumerated() {
        axes.append(
          Axis(
            extent: digit.extent, stride: abs(digit.stride), isFlipped: digit.stride < 0,
            place: (dimension, Self.stackPlace + 1 + number)))
      }
    }
    axes = splitAtDimensions(axes)
    axes.sort { $0.stride < $1.stride }
    // What the digits leave out of the source are axes of which one index is taken.
    var rest = origin - axes.filter(\.isFlipped).reduce(0) { $0 + ($1.extent - 1) * $1.stride }
    var covered = 1
    var complete: [Axis] = []
    for axis in axes {
      guard axis.stride % covered == 0 else { return nil }
      if axis.stride > covered {
        complete += taken(from: covered, to: axis.stride)
      }
      complete.append(axis)
      covered = axis.stride * axis.extent
    }
    guard covered > 0, source.count % covered == 0 else { return nil }
    if source.count > covered { complete += taken(from: covered, to: source.count) }
    for index in complete.indices.reversed() where complete[index].place == nil {
      complete[index].index = rest / complete[index].stride
      rest %= complete[index].stride
      guard (0..<complete[index].extent).contains(complete[index].index) else { return nil }
    }
    return rest == 0 ? complete : nil
  }

  /// Axes of one index between two strides, cut where the source's dimensions are.
  private func taken(from low: Int, to high: Int) -> [Axis] {
    splitAtDimensions([Axis(extent: high / low, stride: low)])
  }

  /// The same axes, each within one dimension of the source.
  private func splitAtDimensions(_ axes: [Axis]) -> [Axis] {
    let borders = source.strides.filter { $0 > 1 }
    return axes.flatMap { axis -> [Axis] in
      var parts: [Axis] = []
      var low = axis.stride
      let high = axis.stride * axis.extent
      for border in borders.sorted()
      where border > low && border < high && border % low == 0
        && high % border == 0
      {
        parts.append(
          Axis(
            extent: border / low, stride: low, isFlipped: axis.isFlipped, place: axis.place))
        low = border
      }
      parts.append(
        Axis(extent: high / low, stride: low, isFlipped: axis.isFlipped, place: axis.place))
      return parts
    }
  }

  /// The axes of each dimension of the source, outermost first.
  private func dimensions(of axes: [Axis]) -> [[Axis]]? {
    var rest = axes[...]
    var result: [[Axis]] = []
    for (extent, stride) in zip(source.dimensions, source.strides) {
      var own: [Axis] = []
      var product = 1
      while product < extent, let axis = rest.first, axis.stride >= stride {
        own.append(axis)
        product *= axis.extent
        rest = rest.dropFirst()
      }
      guard product == extent else { return nil }
      result.append(own)
    }
    return rest.isEmpty ? result : nil
  }

  private func compose(_ dimensions: [[Axis]]) -> Layout {
    let names = AxisNames(dimensions.map(\.count), rank: target.rank)
    var left: [LayoutFormula.Dimension] = []
    var placed: [(place: (dimension: Int, digit: Int), stride: Int, name: String)] = []
    var flip: [String] = []
    var at: [String: IndexExpression] = [:]
    var sizes: [String: Layout.Extent] = [:]
    for (dimension, axes) in dimensions.enumerated() {
      var own: [String] = []
      for (number, axis) in axes.enumerated() {
        let name = names[dimension, number]
        own.append(name)
        if axis.isFlipped { flip.append(name) }
        if let place = axis.place {
          placed.append((place, axis.stride, name))
        } else {
          at[name] = IndexExpression(variable: nil, offset: axis.index)
        }
        // The last one follows from the dimension.
        if number < axes.count - 1 { sizes[name] = .number(axis.extent) }
      }
      left.append(.axes(own))
    }
    // Parts of one digit keep their order: the larger step is the outer one.
    placed.sort {
      ($0.place.dimension, $0.place.digit, $1.stride)
        < ($1.place.dimension, $1.place.digit, $0.stride)
    }
    let stack = names.stack
    let right = target.dimensions.indices.map { dimension -> LayoutFormula.Dimension in
      var own = placed.filter { $0.place.dimension == dimension }.map { ($0.place.digit, $0.name) }
      if dimension == stacked {
        let index = own.firstIndex { $0.0 > Self.stackPlace } ?? own.endIndex
        own.insert((Self.stackPlace, stack), at: index)
      }
      return .axes(own.map(\.1))
    }
    let empty = order.indices.filter { order[$0] == nil }
    if stacked != nil { left.insert(.axes([stack]), at: 0) }
    return Layout(
      LayoutFormula(left: left, right: right), flip: flip, at: at, sizes: sizes,
      fill: stacked != nil && !empty.isEmpty ? .init(axis: stack, positions: empty) : nil)
  }

  /// Numbers do not tell gates from other places along an axis.
  private static let nameable = NamedLayout.builtIn.filter { named in
    named.layout.operation == nil && !named.labels.values.contains { $0.kind == "gates" }
  }

  /// The layout that people have a name for, where it does the same to these tensors.
  private func named(like layout: Layout) -> NamedLayout? {
    guard layout.at.isEmpty else { return nil }
    let sources = Array(repeating: source, count: order.count { $0 != nil })
    guard let own = LayoutBinding.literal(layout, sources: sources, targets: [target])?.forward()
    else { return nil }
    return ([NamedLayout.copy] + Self.nameable).first {
      guard
        let way = LayoutBinding.literal($0.layout, sources: sources, targets: [target])?.forward()
      else {
        return false
      }
      return way.doesTheSame(as: own)
    }
  }
}

extension Rearrangement {
  /// Whether two ways put every element in the same place, however they divide the axes.
  func doesTheSame(as other: Rearrangement) -> Bool {
    guard inputs == other.inputs, output == other.output, pieces.count == other.pieces.count else {
      return false
    }
    return zip(pieces, other.pieces).allSatisfy { $0.merged == $1.merged }
  }
}

extension Rearrangement.Piece {
  /// The axes with those of extent 1 left out and neighbours that form one run merged.
  fileprivate var merged: [[Int]] {
    var result: [[Int]] = [[region.input, offset, region.span.lowerBound]]
    for (extent, stride) in zip(region.box.extents, strides) where extent > 1 {
      if result.count > 1, let last = result.last, last[1] == stride * extent {
        result[result.count - 1] = [last[0] * extent, stride]
      } else {
        result.append([extent, stride])
      }
    }
    return result
  }
}

/// Names for axes, as a person would choose them.
private struct AxisNames {
  private let names: [[String]]
  let stack = "s"

  init(_ counts: [Int], rank: Int) {
    if counts == [1, 1], rank == 2 {
      names = [["i"], ["o"]]
    } else if counts == [1, 1, 1, 1] {
      names = [["kh"], ["kw"], ["i"], ["o"]]
    } else if counts == [1, 1, 1] {
      names = [["a"], ["b"], ["c"]]
    } else {
      let letters = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "m", "n", "o", "p", "q",
      ]
      var next = letters.makeIterator()
      names = counts.enumerated().map { dimension, count in
        (0..<count).map { next.next() ?? "x\(dimension)_\($0)" }
      }
    }
  }

  subscript(dimension: Int, number: Int) -> String { names[dimension][number] }
}
