import ReferenceLayers

/// How a tensor of one side lies in the other's layout: its axes in another order, some of them
/// merged or split.
struct TensorAlignment: Sendable, Hashable {
  /// The shape that it is read with, before its axes are exchanged.
  let split: [Int]
  /// Axis k of the result is axis `order[k]` of the split shape.
  let order: [Int]
  /// The shape of the other side.
  let shape: [Int]
  /// Where that shape begins along every axis, in a tensor that has a border around it.
  var starts: [Int] = []

  func callAsFunction<Scalar: ModelScalar>(_ tensor: Tensor<Scalar>) -> Tensor<Scalar> {
    if isPlain, starts.isEmpty { return tensor.reshaped(shape) }
    var moved = tensor.reshaped(split).permuted(order)
    for (axis, start) in starts.enumerated() {
      for _ in 0..<start { moved = moved.withoutEnd(axis: axis, .first) }
      while moved.shape[axis] > shape[axis] { moved = moved.withoutEnd(axis: axis, .last) }
    }
    return moved.reshaped(shape)
  }

  var isPlain: Bool { order == Array(order.indices) }

  /// The axes in their order, as einops would write it: `a b c d -> a c d b`.
  var description: String {
    let letters = split.indices.map { String(UnicodeScalar(UInt8(97 + $0 % 26))) }
    return letters.joined(separator: " ") + " -> "
      + order.map { letters[$0] }.joined(separator: " ")
  }
}

/// Where the channels of the images of a pair of layers lie.
struct ChannelLayout {
  let sourceHasChannelsFirst: Bool
  let convertedHasChannelsFirst: Bool

  /// The converted axes in the source's order, those of one place left out.
  func order(_ converted: [Int]) -> [Int] {
    var order = Array(converted.indices)
    if order.count >= 3, sourceHasChannelsFirst != convertedHasChannelsFirst {
      order =
        convertedHasChannelsFirst
        ? [0] + Array(order[2...]) + [1] : [0, order.count - 1] + Array(order[1..<order.count - 1])
    }
    let kept = order.filter { converted[$0] > 1 }
    return kept.map { axis in kept.count { $0 < axis } }
  }
}

/// Finds alignments from shapes and values, and remembers what it found: the layouts of a pair of
/// frameworks are few, and tell where values part.
struct Aligner {
  /// How often an order of axes was found between tensors of these numbers of axes.
  private var found: [Key: [[Int]: Int]] = [:]

  private struct Key: Hashable {
    let source: Int
    let converted: Int
  }

  /// A tensor in the source's layout, how it got there, and how far it is from the source's.
  typealias Aligned = (
    tensor: Tensor<Float>, alignment: TensorAlignment, difference: Difference
  )

  /// Axes that are permuted: 5! orders are few.
  private static let maximumRank = 5
  /// Nearer than this part of its size it is the same tensor, and its layout is certain.
  private static let alike = 1e-3

  /// - Parameters:
  ///   - keepsLast: whether the last axis is the same on both sides, as a layer of features has it.
  ///   - layout: where the kind of layer says it.
  /// - Returns: `nil` where no layout gives the source's shape.
  mutating func align(
    _ converted: Tensor<Float>, to source: Tensor<Float>, keepsLast: Bool,
    layout: ChannelLayout? = nil
  ) -> Aligned? {
    let known = layout?.order(converted.shape)
    guard source.values.count == converted.values.count else {
      return alignWithoutBorder(converted, to: source, known)
    }
    let key = Self.key(source.shape, converted.shape)
    let seen = found[key] ?? [:]
    let candidates = candidates(source.shape, converted.shape).filter {
      !keepsLast || $0.order.last == $0.order.indices.last
    }
    let likely = Self.nearest(
      candidates.filter { seen[$0.order] != nil }
        .sorted { seen[$0.order, default: 0] > seen[$1.order, default: 0] }, converted, source)
    if let likely, Self.isAlike(likely) {
      found[key, default: [:]][likely.alignment.order, default: 0] += 1
      return likely
    }
    let other = Self.nearest(candidates.filter { seen[$0.order] == nil }, converted, source)
    if let other, Self.isAlike(other) {
      found[key, default: [:]][other.alignment.order] = 1
      return other
    }
    // Where values part, the layer's own layout is the right one, or one that was seen before, or one
    // in which axes stay as they are.
    let said = known.flatMap { order in candidates.first { $0.order == order } }
    return Self.nearest(said.map { [$0] } ?? [], converted, source) ?? likely
      ?? Self.nearest(candidates.filter(\.isPlain), converted, source) ?? other
  }

  /// The first of some layouts in which the tensors are alike, else the one in which they are nearest.
  private static func nearest(
    _ alignments: [TensorAlignment], _ converted: Tensor<Float>, _ source: Tensor<Float>
  ) -> Aligned? {
    var best: Aligned?
    for alignment in alignments {
      let tensor = alignment(converted)
      let aligned = (tensor, alignment, Difference(tensor, reference: source))
      if isAlike(aligned) { return aligned }
      if best.map({ aligned.2.rootMeanSquare < $0.difference.rootMeanSquare }) ?? true {
        best = aligned
      }
    }
    return best
  }

  private static func isAlike(_ aligned: Aligned) -> Bool {
    aligned.difference.rootMeanSquare < alike
  }

  private static func key(_ source: [Int], _ converted: [Int]) -> Key {
    Key(source: source.count { $0 > 1 }, converted: converted.count { $0 > 1 })
  }

  /// A converted tensor around which a function put zeros, which the source's layer adds itself.
  private func alignWithoutBorder(
    _ converted: Tensor<Float>, to source: Tensor<Float>, _ known: [Int]?
  ) -> Aligned? {
    guard source.shape.count == converted.shape.count, !source.values.isEmpty,
      converted.values.count > source.values.count, !source.shape.contains(1)
    else { return nil }
    let seen = found[Self.key(source.shape, converted.shape)] ?? [:]
    let orders = seen.sorted { ($1.value, $0.key.count) < ($0.value, $1.key.count) }.map(\.key)
    for order in (known.map { [$0] } ?? []) + orders + [Array(source.shape.indices)]
    where order.count == source.shape.count {
      var tensor = converted.permuted(order)
      var starts = [Int](repeating: 0, count: order.count)
      for axis in order.indices {
        while tensor.shape[axis] > source.shape[axis], let end = tensor.zeroEnd(axis: axis) {
          tensor = tensor.withoutEnd(axis: axis, end)
          if end == .first { starts[axis] += 1 }
        }
      }
      guard tensor.shape == source.shape else { continue }
      let alignment = TensorAlignment(
        split: converted.shape, order: order, shape: source.shape, starts: starts)
      return (tensor, alignment, Difference(tensor, reference: source))
    }
    return nil
  }

  /// The ways from the converted shape to the source's: axes exchanged and then merged, or split and
  /// then exchanged.
  private func candidates(_ source: [Int], _ converted: [Int]) -> [TensorAlignment] {
    let (a, b) = (source.filter { $0 > 1 }, converted.filter { $0 > 1 })
    var result: [TensorAlignment] = []
    if a == b, a.count > Self.maximumRank {
      result.append(TensorAlignment(split: b, order: Array(b.indices), shape: source))
    }
    if b.count <= Self.maximumRank {
      for order in Self.orders(b.count) where Self.merges(order.map { b[$0] }, into: a) {
        result.append(TensorAlignment(split: b, order: order, shape: source))
      }
    }
    if a.count <= Self.maximumRank, a.count > b.count {
      for order in Self.orders(a.count) where Self.merges(order.map { a[$0] }, into: b) {
        // Read in the exchanged shape, then exchanged back.
        var back = order
        for (place, axis) in order.enumerated() { back[axis] = place }
        result.append(
          TensorAlignment(split: order.map { a[$0] }, order: back, shape: source))
      }
    }
    return result
  }

  /// Whether neighbouring axes of one shape, merged, give the other.
  private static func merges(_ fine: [Int], into coarse: [Int]) -> Bool {
    var (index, product) = (0, 1)
    for extent in fine {
      product *= extent
      guard index < coarse.count else { return extent == 1 }
      if product == coarse[index] { (index, product) = (index + 1, 1) }
      if product > 1, product > coarse[min(index, coarse.count - 1)] { return false }
    }
    return index == coarse.count && product == 1
  }

  /// All orders of so many axes, the given one first.
  static func orders(_ count: Int) -> [[Int]] {
    guard count > 0 else { return [[]] }
    return (0..<count).flatMap { first in
      orders(count - 1).map { rest in [first] + rest.map { $0 < first ? $0 : $0 + 1 } }
    }
  }
}
