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

  func callAsFunction<Scalar: ModelScalar>(_ tensor: Tensor<Scalar>) -> Tensor<Scalar> {
    tensor.reshaped(split).permuted(order).reshaped(shape)
  }

  var isPlain: Bool { order == Array(order.indices) }

  /// The axes in their order, as einops would write it: `a b c d -> a c d b`.
  var description: String {
    let letters = split.indices.map { String(UnicodeScalar(UInt8(97 + $0 % 26))) }
    return letters.joined(separator: " ") + " -> "
      + order.map { letters[$0] }.joined(separator: " ")
  }
}

/// Finds alignments from shapes and values, and remembers what it found: the layout of a pair of
/// frameworks is the same from layer to layer, and tells where values part.
struct Aligner {
  private var found: [Key: [Int]] = [:]

  private struct Key: Hashable {
    let source: Int
    let converted: Int
  }

  /// Axes that are permuted: 5! orders are few.
  private static let maximumRank = 5
  /// A tensor is another one, rather than the same with an error, beyond this part of its size.
  private static let unlike = 0.3

  /// - Parameter keepsLast: whether the last axis is the same on both sides, as a layer of features has it.
  /// - Returns: the converted tensor in the source's layout, how it got there, and how far it is from
  ///   the source's; `nil` where no layout gives the source's shape.
  mutating func align(
    _ converted: Tensor<Float>, to source: Tensor<Float>, keepsLast: Bool
  ) -> (tensor: Tensor<Float>, alignment: TensorAlignment, difference: Difference)? {
    guard source.values.count == converted.values.count else { return nil }
    let plain = TensorAlignment(
      split: converted.shape, order: Array(converted.shape.indices), shape: source.shape)
    if source.shape == converted.shape
      || source.shape.filter({ $0 > 1 }) == converted.shape.filter({ $0 > 1 })
    {
      let difference = Difference(converted, reference: source)
      if difference.rootMeanSquare < 1e-3 {
        return (converted.reshaped(source.shape), plain, difference)
      }
    }
    let key = Key(source: source.shape.count, converted: converted.shape.count)
    var best: (tensor: Tensor<Float>, alignment: TensorAlignment, difference: Difference)?
    var remembered: (tensor: Tensor<Float>, alignment: TensorAlignment, difference: Difference)?
    for alignment in candidates(source.shape, converted.shape)
    where !keepsLast || alignment.order.last == alignment.order.indices.last {
      let tensor = alignment(converted)
      let difference = Difference(tensor, reference: source)
      if alignment.order == found[key] { remembered = (tensor, alignment, difference) }
      if best.map({ difference.rootMeanSquare < $0.difference.rootMeanSquare }) ?? true {
        best = (tensor, alignment, difference)
      }
    }
    if let best, best.difference.rootMeanSquare < Self.unlike {
      if best.difference.rootMeanSquare < 1e-3 { found[key] = best.alignment.order }
      return best
    }
    return remembered ?? best
  }

  /// The ways from the converted shape to the source's: axes exchanged and then merged, or split and
  /// then exchanged.
  private func candidates(_ source: [Int], _ converted: [Int]) -> [TensorAlignment] {
    let (a, b) = (source.filter { $0 > 1 }, converted.filter { $0 > 1 })
    var result: [TensorAlignment] = []
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
