import Bytes
import CheckpointCore

/// A rectangular part of a tensor.
struct TensorBox: Hashable, Sendable {
  /// The index of its first element, one number per dimension.
  let origin: [Int]
  let extents: [Int]

  var count: Int { extents.reduce(1, *) }

  var isEmpty: Bool { extents.contains(0) }

  /// `nil` where it does not lie within a tensor of the shape `shape`.
  init?(origin: [Int], extents: [Int], within shape: Shape) {
    guard origin.count == shape.rank, extents.count == shape.rank else { return nil }
    for (axis, size) in shape.dimensions.enumerated() {
      guard origin[axis] >= 0, extents[axis] >= 0,
        let end = origin[axis].addingChecked(extents[axis]), end <= size
      else { return nil }
    }
    self.origin = origin
    self.extents = extents
  }

  func range(_ axis: Int) -> Range<Int> { origin[axis]..<origin[axis] + extents[axis] }

  func overlaps(_ other: TensorBox) -> Bool {
    origin.indices.allSatisfy { range($0).overlaps(other.range($0)) }
  }
}

extension TensorBox {
  /// What is wrong with `boxes` as the parts of a tensor of the shape `shape`, none of them empty:
  /// `nil` where every element is in exactly one.
  static func fault(of boxes: [TensorBox], in shape: Shape) -> String? {
    // Boxes that do not overlap and have as many elements as the tensor cover it.
    if let pair = overlap(among: boxes, rank: shape.rank) {
      return "two of its parts overlap: \(pair.0.text) and \(pair.1.text)"
    }
    let count = boxes.reduce(0) { $0 + $1.count }
    guard count == shape.count else {
      return "its \(boxes.count) parts have \(count) of its \(shape.count) elements"
    }
    return nil
  }

  var text: String { "\(Shape(extents) ?? .scalar) at \(origin)" }

  /// Two boxes with an element in common. Along the axis that tells most of them apart, a box is
  /// compared with those before it that reach as far.
  private static func overlap(
    among boxes: [TensorBox], rank: Int
  ) -> (TensorBox, TensorBox)? {
    guard rank > 0 else { return boxes.count > 1 ? (boxes[0], boxes[1]) : nil }
    let axis =
      (0..<rank).max { first, second in
        Set(boxes.map { $0.origin[first] }).count < Set(boxes.map { $0.origin[second] }).count
      } ?? 0
    var reaching: [TensorBox] = []
    for box in boxes.sorted(by: { $0.origin[axis] < $1.origin[axis] }) {
      reaching.removeAll { $0.range(axis).upperBound <= box.origin[axis] }
      if let other = reaching.first(where: box.overlaps) { return (other, box) }
      reaching.append(box)
    }
    return nil
  }
}
