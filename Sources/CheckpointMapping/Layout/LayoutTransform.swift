import Bytes
public import CheckpointCore

/// How the elements of one target tensor are arranged from its source tensors.
///
/// Every layout change between Flax and PyTorch is affine: element (i, j, …) of source s stands in
/// the target at `offset + i·stride₀ + j·stride₁ + …`. A transpose permutes the strides, a flip
/// negates one and moves the offset, a concatenation gives each source its own offset, an
/// interleaving of heads its own strides. The same numbers read backwards are the inverse.
public struct LayoutTransform: Sendable, Equatable {
  /// Where one source tensor goes.
  public struct Placement: Sendable, Equatable {
    public let shape: Shape
    /// The element of the target that element (0, …, 0) becomes.
    let offset: Int
    /// Steps in the target, in elements, one per dimension of the source.
    let strides: [Int]
  }

  public let target: Shape
  public let placements: [Placement]
  /// Elements of the target that have no source and are zero.
  public let zeros: Range<Int>

  init(target: Shape, placements: [Placement], zeros: Range<Int> = 0..<0) {
    self.target = target
    self.placements = placements
    self.zeros = zeros
  }

  /// Whether the target is its source, byte for byte.
  public var isCopy: Bool {
    placements.count == 1 && zeros.isEmpty && placements[0].offset == 0
      && placements[0].strides == placements[0].shape.strides
      && placements[0].shape.count == target.count
  }

  /// Copies a run of source `index`, its elements `range` in C order, to their places in `target`.
  func scatter(
    _ run: Span<UInt8>, elements range: Range<Int>, index: Int,
    into target: inout MutableSpan<UInt8>, elementSize: Int
  ) throws {
    let placement = placements[index]
    let steps = placement.shape.strides
    for box in ElementBox.covering(range, of: placement.shape.dimensions) {
      let first = zip(box.origin, steps).reduce(0) { $0 + $1.0 * $1.1 }
      let copy = StridedCopy(
        shape: box.extents, sourceStrides: steps, sourceOffset: first - range.lowerBound,
        targetStrides: placement.strides,
        targetOffset: zip(box.origin, placement.strides)
          .reduce(placement.offset) { $0 + $1.0 * $1.1 })
      guard let copy, copy(from: run, to: &target, elementSize: elementSize) else {
        throw CheckpointError("a source of shape \(placement.shape) does not fit \(self.target)")
      }
    }
  }

  /// The elements of source `index`, in C order, out of `target`: the inverse of `scatter`.
  func gather(
    index: Int, from target: Span<UInt8>, into source: inout MutableSpan<UInt8>, elementSize: Int
  ) throws {
    let placement = placements[index]
    let copy = StridedCopy(
      shape: placement.shape.dimensions, sourceStrides: placement.strides,
      sourceOffset: placement.offset, targetStrides: placement.shape.strides)
    guard let copy, copy(from: target, to: &source, elementSize: elementSize) else {
      throw CheckpointError("a source of shape \(placement.shape) does not fit \(self.target)")
    }
  }
}

extension LayoutTransform {
  /// One source that becomes the target with its dimensions in another order.
  ///
  /// - Parameters:
  ///   - order: for each dimension of the source, the dimension of the target it becomes.
  ///   - flipped: the dimensions of the target that run backwards.
  static func permuted(
    _ target: Shape, order: [Int], flipped: Set<Int> = []
  ) -> LayoutTransform? {
    guard target.rank == order.count else { return nil }
    let strides = order.map { flipped.contains($0) ? -target.strides[$0] : target.strides[$0] }
    let offset = flipped.reduce(0) {
      $0 + max(0, target.dimensions[$1] - 1) * target.strides[$1]
    }
    guard let shape = Shape(order.map { target.dimensions[$0] }) else { return nil }
    return LayoutTransform(
      target: target, placements: [Placement(shape: shape, offset: offset, strides: strides)])
  }

  /// One source that is the target, unchanged.
  static func copy(_ shape: Shape) -> LayoutTransform {
    LayoutTransform(
      target: shape, placements: [Placement(shape: shape, offset: 0, strides: shape.strides)])
  }
}
