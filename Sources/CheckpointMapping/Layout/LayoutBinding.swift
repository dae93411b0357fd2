import Bytes
import CheckpointCore

/// A layout for tensors of known shapes: every axis has an extent.
struct LayoutBinding: Sendable {
  let layout: Layout
  private let left: Side
  private let right: Side
  let sizes: [String: Int]
  /// The index taken along each axis of the left side that has one.
  private let taken: [String: Int]
  /// The places of the sources along the stack axis.
  private let places: [Int]

  /// One side of the formula, its ellipsis written out and its leading axis apart where the
  /// tensors stand along it.
  struct Side: Sendable {
    /// The axis along which the tensors stand; `nil` for a single tensor.
    let stack: String?
    let tensorCount: Int
    /// The axes of each dimension of one tensor.
    let dimensions: [[String]]
    var axes: [String] { dimensions.flatMap(\.self) }

    init(_ side: [LayoutFormula.Dimension], count: Int, isStacked: Bool, ellipsis: Int) {
      var dimensions: [[String]] = side.flatMap { dimension -> [[String]] in
        switch dimension {
        case .axes(let names): [names]
        // No name of an axis has a space.
        case .ellipsis: (0..<ellipsis).map { ["... \($0)"] }
        }
      }
      stack = isStacked ? dimensions.removeFirst().first : nil
      tensorCount = count
      self.dimensions = dimensions
    }

    func shape(_ sizes: [String: Int]) -> Shape? {
      let extents = dimensions.map { names in
        checkedProduct(names.map { sizes[$0] ?? 0 }) ?? -1
      }
      return Shape(extents)
    }
  }

  /// Why a layout cannot hold for the given shapes.
  struct Misfit: Error {
    let message: String
  }

  /// What is known of the tensors of a rule; shapes that are not known follow from the others.
  struct Tensors {
    var sourceCount = 1
    var targetCount = 1
    var sources: [Shape] = []
    var targets: [Shape] = []
    /// Extents that the rule gives, and the index taken along an axis.
    var sizes: [String: Int] = [:]
    var at: [String: Int] = [:]
  }

  /// Binds a layout whose extents and indices are numbers, for tensors of these shapes; no shape
  /// means that it follows from the others.
  static func literal(
    _ layout: Layout, sources: [Shape], targets: [Shape] = [], sourceCount: Int? = nil,
    targetCount: Int? = nil, sizes: [String: Int] = [:]
  ) -> LayoutBinding? {
    var tensors = Tensors(
      sourceCount: sourceCount ?? sources.count, targetCount: targetCount ?? max(1, targets.count),
      sources: sources, targets: targets, sizes: sizes)
    for (axis, extent) in layout.sizes {
      if case .number(let count) = extent { tensors.sizes[axis] = count }
    }
    tensors.at = layout.at.compactMapValues { $0.value([:]) }
    return try? LayoutBinding(layout, tensors)
  }

  /// - Throws: `Misfit`, where shapes and layout contradict each other or leave an extent open.
  init(_ layout: Layout, _ tensors: Tensors) throws(Misfit) {
    if let problem = layout.problem(
      sources: tensors.sourceCount, targets: tensors.targetCount)
    {
      throw Misfit(message: problem)
    }
    let stacksSources = layout.stacksSources(tensors.sourceCount)
    let stacksTargets = layout.stacksTargets(tensors.targetCount)
    let ellipsis = try Self.ellipsis(layout, tensors, stacksSources, stacksTargets)
    left = Side(
      layout.formula.left, count: tensors.sourceCount, isStacked: stacksSources,
      ellipsis: ellipsis)
    right = Side(
      layout.formula.right, count: tensors.targetCount, isStacked: stacksTargets,
      ellipsis: ellipsis)
    self.layout = layout
    taken = tensors.at
    let filled = Set(layout.fill?.positions ?? [])
    places = (0..<tensors.sourceCount + filled.count).filter { !filled.contains($0) }
    var solver = ExtentSolver(known: tensors.sizes)
    for (axis, places) in layout.order { try solver.set(axis, places.count) }
    if let stack = left.stack { try solver.set(stack, tensors.sourceCount + filled.count) }
    if let stack = right.stack { try solver.set(stack, tensors.targetCount) }
    try solver.add(left, tensors.sources, "source")
    try solver.add(right, tensors.targets, "target")
    sizes = try solver.solve(left.axes + right.axes)
    for (axis, index) in taken where !(0..<(sizes[axis] ?? 0)).contains(index) {
      throw Misfit(message: "index \(index) along '\(axis)', which has \(sizes[axis] ?? 0)")
    }
  }

  /// How many dimensions `...` stands for.
  private static func ellipsis(
    _ layout: Layout, _ tensors: Tensors, _ stacksSources: Bool, _ stacksTargets: Bool
  ) throws(Misfit) -> Int {
    guard layout.formula.left.contains(.ellipsis) else { return 0 }
    let rank: Int
    if let shape = tensors.sources.first {
      rank = shape.rank - (layout.formula.left.count - 1 - (stacksSources ? 1 : 0))
    } else if let shape = tensors.targets.first {
      rank = shape.rank - (layout.formula.right.count - 1 - (stacksTargets ? 1 : 0))
    } else {
      throw Misfit(message: "no shape is known")
    }
    guard rank >= 0 else { throw Misfit(message: "too few dimensions for \(layout.formula)") }
    return rank
  }

  /// The axes in each dimension of a target.
  var targetAxes: [[String]] { right.dimensions }
  var sourceCount: Int { left.tensorCount }

  /// Along the axes of the only source, in its order: their extents, and the steps that they are in
  /// a target of `shape`; `nil` where only a part of the source is taken.
  func sourceStrides(
    in shape: Shape
  ) -> (axes: [(extent: Int, stride: Int)], offset: Int)? {
    guard left.tensorCount == 1, taken.isEmpty, layout.order.isEmpty, let way = forward(),
      let piece = way.pieces.first,
      way.output == shape
    else { return nil }
    return (Array(zip(piece.region.axes, piece.strides)).map { ($0, $1) }, piece.offset)
  }

  var sourceShape: Shape? { left.shape(sizes) }
  var targetShape: Shape? { right.shape(sizes) }

  /// How target `index` comes from the sources.
  func forward(target index: Int = 0) -> Rearrangement? {
    guard let source = sourceShape, let target = targetShape else { return nil }
    let pieces = (0..<left.tensorCount).flatMap { source in
      places(pinned(source: source, target: index)).map {
        piece(input: source, from: left, to: right, $0.left, $0.right)
      }
    }
    return Rearrangement(
      inputs: Array(repeating: source, count: left.tensorCount), output: target, pieces: pieces,
      zeros: [])
  }

  /// How source `index`, or the part of it that the layout takes, comes from the targets.
  func reverse(source index: Int = 0) -> Rearrangement? {
    guard let source = sourceShape, let target = targetShape else { return nil }
    let pieces = (0..<right.tensorCount).flatMap { target in
      places(pinned(source: index, target: target)).map {
        piece(input: target, from: right, to: left, $0.right, $0.left)
      }
    }
    // Each place is looked at once: by the first source.
    let zeros = (index == 0 ? layout.fill?.positions ?? [] : []).flatMap { place in
      (0..<right.tensorCount).compactMap { input in
        left.stack.map { region(input: input, of: right, pinned: [$0: place]) }
      }
    }
    return Rearrangement(
      inputs: Array(repeating: target, count: right.tensorCount), output: source, pieces: pieces,
      zeros: zeros)
  }

  /// The axes that have one index for this pair of tensors; `nil` where the pair shares nothing.
  private func pinned(source: Int, target: Int) -> [String: Int]? {
    var pinned = taken
    if let stack = left.stack { pinned[stack] = places[source] }
    if let stack = right.stack {
      if let place = pinned[stack], place != target { return nil }
      pinned[stack] = target
    }
    return pinned
  }

  /// The same for every place along the axes that have an order: its index on either side.
  private func places(
    _ pinned: [String: Int]?
  ) -> [(left: [String: Int], right: [String: Int])] {
    guard let pinned else { return [] }
    return layout.order.sorted { $0.key < $1.key }.reduce([(pinned, pinned)]) { list, item in
      list.flatMap { place in
        item.value.enumerated().map { right, left in
          (
            place.0.merging([item.key: left]) { $1 }, place.1.merging([item.key: right]) { $1 }
          )
        }
      }
    }
  }

  private func region(input: Int, of side: Side, pinned: [String: Int]) -> Rearrangement.Region {
    let axes = side.axes
    return Rearrangement.Region(
      input: input, axes: axes.map { sizes[$0] ?? 0 },
      box: ElementBox(
        origin: axes.map { pinned[$0] ?? 0 },
        extents: axes.map { pinned[$0] == nil ? sizes[$0] ?? 0 : 1 }))
  }

  private func piece(
    input: Int, from: Side, to: Side, _ pinned: [String: Int], _ target: [String: Int]
  ) -> Rearrangement.Piece {
    let outputAxes = to.axes
    let extents = outputAxes.map { sizes[$0] ?? 0 }
    let steps = Dictionary(
      uniqueKeysWithValues: zip(outputAxes, contiguousStrides(extents) ?? extents))
    var offset = target.reduce(0) { $0 + $1.value * (steps[$1.key] ?? 0) }
    let strides = from.axes.map { axis -> Int in
      guard pinned[axis] == nil, let step = steps[axis] else { return 0 }
      guard layout.flip.contains(axis) else { return step }
      offset += max(0, (sizes[axis] ?? 0) - 1) * step
      return -step
    }
    return Rearrangement.Piece(
      region: region(input: input, of: from, pinned: pinned), offset: offset, strides: strides)
  }
}

/// Finds the extents of axes from the dimensions that hold them.
private struct ExtentSolver {
  private var known: [String: Int]
  private var dimensions: [(axes: [String], extent: Int, text: String)] = []

  init(known: [String: Int]) { self.known = known }

  mutating func set(_ axis: String, _ extent: Int) throws(LayoutBinding.Misfit) {
    if let other = known.updateValue(extent, forKey: axis), other != extent {
      throw .init(message: "'\(axis)' would be \(other) and \(extent)")
    }
  }

  mutating func add(
    _ side: LayoutBinding.Side, _ shapes: [Shape], _ kind: String
  ) throws(LayoutBinding.Misfit) {
    guard let shape = shapes.first else { return }
    if let other = shapes.first(where: { $0 != shape }) {
      throw .init(message: "its \(kind)s have different shapes, \(shape) and \(other)")
    }
    guard shape.rank == side.dimensions.count else {
      throw .init(
        message: "a \(kind) of \(side.dimensions.count) dimensions expected, \(shape) found")
    }
    for (axes, extent) in zip(side.dimensions, shape.dimensions) {
      dimensions.append((axes, extent, "\(shape)"))
    }
  }

  mutating func solve(_ axes: [String]) throws(LayoutBinding.Misfit) -> [String: Int] {
    var isChanged = true
    while isChanged {
      isChanged = false
      for dimension in dimensions {
        let open = dimension.axes.filter { known[$0] == nil }
        guard open.count == 1 else { continue }
        let product = checkedProduct(dimension.axes.compactMap { known[$0] }) ?? 0
        guard product > 0, dimension.extent % product == 0 else {
          throw .init(
            message: "an extent of \(dimension.extent) in \(dimension.text) is no multiple of "
              + "\(product)")
        }
        known[open[0]] = dimension.extent / product
        isChanged = true
      }
    }
    for dimension in dimensions {
      guard dimension.axes.allSatisfy({ known[$0] != nil }) else { continue }
      let product = checkedProduct(dimension.axes.compactMap { known[$0] })
      guard product == dimension.extent else {
        let text = dimension.axes.isEmpty ? "1" : dimension.axes.joined(separator: "·")
        throw .init(
          message: "\(text) = \(product.map(String.init) ?? "too much") expected in "
            + "\(dimension.text), \(dimension.extent) found")
      }
    }
    if let open = axes.first(where: { known[$0] == nil }) {
      throw .init(
        message: "the extent of '\(open)' does not follow from the shapes: give it in \"sizes\"")
    }
    return known.filter { axes.contains($0.key) }
  }
}
