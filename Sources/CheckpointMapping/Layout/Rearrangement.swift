import Bytes
package import CheckpointCore

/// How the elements of one output tensor come from its inputs.
///
/// Every layout change is affine: element (i, j, …) of an input stands in the output at
/// `offset + i·stride₀ + j·stride₁ + …`. A transpose permutes the strides, a flip negates one and
/// moves the offset, a concatenation gives each input its own offset, an interleaving of heads its
/// own strides; one slice of a stacked input is a part of its index space.
package struct Rearrangement: Sendable, Equatable {
  /// A part of an input: a box of its index space, seen along axes that C order runs through.
  struct Region: Sendable, Equatable {
    let input: Int
    /// The extents of the input's axes; their product is its element count.
    let axes: [Int]
    let box: ElementBox

    /// The elements of the input between the region's first and last, counted in C order.
    var span: Range<Int> {
      guard !box.extents.contains(0) else { return 0..<0 }
      let steps = contiguousStrides(axes) ?? []
      let first = zip(box.origin, steps).reduce(0) { $0 + $1.0 * $1.1 }
      let reach = zip(box.extents, steps).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
      return first..<first + reach + 1
    }
  }

  /// A region and where it goes.
  struct Piece: Sendable, Equatable {
    let region: Region
    /// The element of the output that the region's first element becomes.
    let offset: Int
    /// Steps in the output, in elements, one per axis of the region.
    let strides: [Int]
  }

  package let inputs: [Shape]
  package let output: Shape
  let pieces: [Piece]
  /// Regions of the inputs that have no place in the output: they must be zero, or they are lost.
  let zeros: [Region]

  /// Whether some elements of the output come from no input: they are zero.
  var hasGaps: Bool {
    pieces.reduce(0) { $0 + $1.region.box.count } < output.count
  }

  /// The elements of the input that the output is, in their order, where nothing is moved.
  package var copiedElements: Range<Int>? {
    guard pieces.count == 1, zeros.isEmpty, let piece = pieces.first, piece.offset == 0,
      piece.region.box.count == output.count, piece.region.span.count == output.count
    else { return nil }
    let own = contiguousStrides(piece.region.box.extents) ?? []
    let isInOrder = zip(piece.region.box.extents, zip(piece.strides, own)).allSatisfy {
      $0 == 1 || $1.0 == $1.1
    }
    return isInOrder ? piece.region.span : nil
  }
}

extension Rearrangement.Piece {
  /// Copies the part of a run that lies within the region to its places in `output`.
  ///
  /// - Parameter range: which elements of the input the run holds, counted in C order.
  /// - Returns: how many elements were copied; `nil` where they do not fit.
  func copy(
    _ run: Span<UInt8>, elements range: Range<Int>, into output: inout MutableSpan<UInt8>,
    elementSize: Int
  ) -> Int? {
    guard let steps = contiguousStrides(region.axes) else { return nil }
    var count = 0
    for box in ElementBox.covering(range, of: region.axes) {
      guard let part = box.intersection(region.box) else { continue }
      let first = zip(part.origin, steps).reduce(0) { $0 + $1.0 * $1.1 }
      let target = zip(zip(part.origin, region.box.origin), strides).reduce(offset) {
        $0 + ($1.0.0 - $1.0.1) * $1.1
      }
      let copy = StridedCopy(
        shape: part.extents, sourceStrides: steps, sourceOffset: first - range.lowerBound,
        targetStrides: strides, targetOffset: target)
      guard let copy, copy(from: run, to: &output, elementSize: elementSize) else { return nil }
      count += part.count
    }
    return count
  }
}
