import ReferenceLayers

/// What a computation between calls is looked for in, for one tensor.
struct Provenance {
  /// The latest tensors, in the order in which they were made.
  let recent: [Origin]
  let parameters: [FreeParameter]
  /// The tensor that was made, the converted one in the source's layout.
  let target: Origin
  /// Those of as many elements as the target, the latest first: tensors as they are, then what
  /// functions make of each that keep sums and multiples what they are, then parameters.
  let equals: [Origin]
  /// How many parts of one another's this target is: what is left beside a part of a part of a tensor.
  let depth: Int

  /// As near as float32's rounding in a few functions leaves a tensor to what it was made from.
  private static let matches: Float = 2e-5

  /// More functions than these, one around another, are not looked through.
  private static let maximumDepth = 2

  init(_ recent: [Origin], _ parameters: [FreeParameter], _ target: Origin, depth: Int = 0) {
    (self.recent, self.parameters, self.target) = (recent, parameters, target)
    self.depth = depth
    let latest = Array(recent.reversed())
    equals =
      latest.filter { $0.count == target.count }
      + latest.flatMap { Self.linear($0, for: target.shape) }
      + parameters.flatMap { $0.origins(for: target.shape) }
  }

  /// How far an element of what was made may be from the target's.
  func limit(_ side: RunSide) -> Float {
    Self.matches * (target.values(side)?.values.reduce(0) { max($0, $1.magnitude) } ?? 0)
  }

  /// Whether an expression gives one side's tensor from the same side's origins.
  func explains(_ expression: Expression, _ side: RunSide) -> Bool {
    guard let wanted = target.values(side) else { return false }
    let limit = limit(side)
    func isNear(_ a: [Float], _ b: ArraySlice<Float>) -> Bool {
      guard a.count == b.count else { return false }
      // Equal infinities, and NaN in both, are no difference.
      return zip(a, b).allSatisfy {
        ($0 - $1).magnitude <= limit || $0 == $1 || ($0.isNaN && $1.isNaN)
      }
    }
    if let samples = expression.samples(side), !isNear(samples, target.samples(side)[...]) {
      return false
    }
    if let first = expression.firstItem(side, of: target.shape),
      !isNear(first.values, wanted.values.prefix(first.values.count))
    {
      return false
    }
    return expression.value(side).map { isNear($0.values, wanted.values[...]) } ?? false
  }

  /// The same question of what is left of the target without a part of it; `nil` where it was asked
  /// too often.
  func asking(of rest: Origin) -> Provenance? {
    depth < Self.maximumDepth ? Provenance(recent, parameters, rest, depth: depth + 1) : nil
  }

  /// The simplest expression that gives one side's tensor.
  func find(
    _ side: RunSide, in families: [ExpressionFamilies.Family] = ExpressionFamilies.all
  ) -> Expression? {
    for family in families {
      for expression in family(self, side) where explains(expression, side) { return expression }
    }
    return nil
  }

  private static func linear(_ origin: Origin, for shape: [Int]) -> [Origin] {
    moved(origin, to: shape) + parts(origin, of: shape) + reduced(origin, to: shape)
      + spread(origin, over: shape) + resized(origin, to: shape)
  }

  /// An origin with its axes exchanged so that it has the target's shape, where it has not.
  private static func moved(_ origin: Origin, to shape: [Int]) -> [Origin] {
    let own = origin.shape.filter { $0 > 1 }
    let wanted = shape.filter { $0 > 1 }
    guard own != wanted, own.sorted() == wanted.sorted(), own.count <= 4 else { return [] }
    return Aligner.orders(own.count).filter { order in order.map { own[$0] } == wanted }.map {
      order in
      origin.derived(origin.title, shape, origin.kind) {
        $0.reshaped(own).permuted(order).reshaped(shape)
      }
    }
  }

  /// The halves, thirds or quarters of an origin along an axis, where they have the target's size.
  private static func parts(_ origin: Origin, of shape: [Int]) -> [Origin] {
    let count = shape.reduce(1, *)
    guard let parts = (2...4).first(where: { count * $0 == origin.count }) else { return [] }
    return origin.shape.indices.filter {
      origin.shape[$0] % parts == 0 && origin.shape[$0] > parts
    }
    .flatMap { axis -> [Origin] in
      let extent = origin.shape[axis] / parts
      var cut = origin.shape
      cut[axis] = extent
      return (0..<parts).map { part in
        origin.derived(
          "part \(part + 1) of \(parts) of \(origin.title)", cut, .part(of: origin.title)
        ) { $0.window(axis: axis, part * extent..<(part + 1) * extent) }
      }
    }
  }

  /// The first or last place of an axis, or its mean, which may go over two axes.
  private static func reduced(_ origin: Origin, to shape: [Int]) -> [Origin] {
    let count = shape.reduce(1, *)
    guard origin.count > count, origin.count % count == 0 else { return [] }
    return origin.shape.indices.dropFirst().flatMap { axis in
      (1...2).flatMap { width -> [Origin] in
        guard axis + width <= origin.shape.count,
          origin.shape[axis..<axis + width].reduce(1, *) * count == origin.count
        else { return [] }
        let left = Array(origin.shape[..<axis] + origin.shape[(axis + width)...])
        return Reduction.linear.map { reduction in
          origin.derived(
            "\(reduction.name) of \(origin.title) along axis \(axis)", left,
            .reduction(of: origin.title)
          ) { $0.reduced(reduction, axis: axis, width: width) }
        }
      }
    }
  }

  /// One number for every channel, or one for every pixel, for all of them.
  private static func spread(_ origin: Origin, over shape: [Int]) -> [Origin] {
    let own = origin.shape
    guard own.count == shape.count, own != shape, origin.count > 1,
      zip(own, shape).allSatisfy({ $0 == $1 || $0 == 1 })
    else { return [] }
    return [origin.derived(origin.title, shape, origin.kind) { $0.spread(over: shape) }]
  }

  private static func resized(_ origin: Origin, to shape: [Int]) -> [Origin] {
    guard origin.canBeResized(to: shape) else { return [] }
    return Resizing.allCases.map { resizing in
      origin.derived("\(resizing.rawValue) of \(origin.title)", shape, .resizing(resizing)) {
        resizing($0, to: Array(shape[1...2]))
      }
    }
  }
}

extension Origin {
  /// Whether it may be an image of fewer pixels, (items, height, width, channels).
  func canBeResized(to wanted: [Int]) -> Bool {
    wanted.count == 4 && shape.count == 4 && shape[0] == wanted[0] && shape[3] == wanted[3]
      && shape[1] < wanted[1] && shape[2] < wanted[2]
  }
}
