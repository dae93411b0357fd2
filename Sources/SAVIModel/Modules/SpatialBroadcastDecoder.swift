import CheckpointCore
import ReferenceLayers

/// Each slot alone becomes an image (Watters et al., arXiv:1901.07017): broadcast over a grid,
/// marked with positions, and enlarged by transposed convolutions.
struct SpatialBroadcastDecoder<Scalar: ModelScalar>: Sendable {
  enum Layer: Sendable {
    case convolution(Convolution<Scalar>)
    case transposed(TransposedConvolution<Scalar>)

    var outputs: Int {
      switch self {
      case .convolution(let layer): layer.size.outputs
      case .transposed(let layer): layer.size.outputs
      }
    }

    func outputExtent(_ n: Int) -> Int {
      switch self {
      case .convolution(let layer): layer.outputExtent(n)
      case .transposed(let layer): layer.outputExtent(n)
      }
    }

    var path: TensorName {
      switch self {
      case .convolution(let layer): layer.path
      case .transposed(let layer): layer.path
      }
    }
  }

  let backbone: [Layer]
  let gridHeight: Int
  let gridWidth: Int
  let positionEmbedding: PositionEmbedding<Scalar>
  /// D → the channels of a target, in the order of their modules.
  let readouts: [(target: StageName, layer: Dense<Scalar>)]
  /// D → 1
  let mask: Dense<Scalar>
  /// Whether the readouts see the mixture of the slots, or each slot.
  let mixesBeforeReadout: Bool

  /// What one slot claims of a frame: logits (pixels, 1), and what is to be mixed: its features
  /// (pixels, D), or each target's channels (pixels, C).
  struct Image: Sendable {
    let logits: Tensor<Scalar>
    let parts: [Tensor<Scalar>]
  }

  /// The elements of an image.
  var imageCount: Int {
    let pixels =
      backbone.reduce(gridHeight) { $1.outputExtent($0) }
      * backbone.reduce(gridWidth) { $1.outputExtent($0) }
    let width = mixesBeforeReadout ? mask.inputs : readouts.reduce(0) { $0 + $1.layer.outputs }
    return pixels * (width + 1)
  }

  /// - Parameters:
  ///   - slot: (slot,)
  ///   - positions: the projected position embedding, (grid height · grid width, slot).
  func callAsFunction(
    _ slot: ArraySlice<Scalar>, positions: Tensor<Scalar>, item: Int,
    _ workspace: Workspace<Scalar>, _ trace: Trace<Scalar>?
  ) -> Image {
    let width = slot.count
    var (height, columns) = (gridHeight, gridWidth)
    // The two buffers take turns: each layer reads one and writes the other.
    var (source, target) = (Workspace<Scalar>.Purpose.first, Workspace<Scalar>.Purpose.second)
    let grid = unsafe workspace.buffer(source, count: height * columns * width)
    for index in 0..<height * columns * width {
      unsafe grid[index] = slot[slot.startIndex + index % width] + positions.values[index]
    }
    for layer in backbone {
      let (rows, wide) = (layer.outputExtent(height), layer.outputExtent(columns))
      let count = rows * wide * layer.outputs
      let y = unsafe workspace.buffer(target, count: count)
      let x = unsafe workspace.buffer(source, count: 0)
      switch layer {
      case .convolution(let layer):
        unsafe layer(x, height: height, width: columns, to: y, workspace)
      case .transposed(let layer):
        unsafe layer(x, height: height, width: columns, to: y, workspace)
      }
      if let trace {
        trace.record(
          LayerIdentity(layer.path), item: item,
          unsafe Array(UnsafeBufferPointer(start: y, count: count)))
      }
      (height, columns) = (rows, wide)
      swap(&source, &target)
    }
    let x = unsafe workspace.buffer(source, count: 0)
    let pixels = height * columns
    func applied(_ layer: Dense<Scalar>) -> Tensor<Scalar> {
      let y = unsafe apply(layer, x, pixels: pixels)
      trace?.record(LayerIdentity(layer.path), item: item, y.values)
      return y
    }
    let features = backbone.last?.outputs ?? width
    return Image(
      logits: applied(mask),
      parts: mixesBeforeReadout
        ? [
          Tensor(
            [pixels, features],
            unsafe Array(UnsafeBufferPointer(start: x, count: pixels * features)))
        ] : readouts.map { applied($0.layer) })
  }

  /// (pixels, D) → (pixels, outputs)
  private func apply(
    _ layer: Dense<Scalar>, _ x: UnsafePointer<Scalar>, pixels: Int
  ) -> Tensor<Scalar> {
    var result = Tensor<Scalar>(zeros: [pixels, layer.outputs])
    unsafe result.values.withUnsafeMutableBufferPointer {
      unsafe layer.apply(x, rows: pixels, to: $0.baseAddress!)
    }
    return result
  }
}
