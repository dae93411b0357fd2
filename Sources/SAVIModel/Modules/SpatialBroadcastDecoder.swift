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
  /// D → target channels
  let readout: Dense<Scalar>
  /// D → 1
  let mask: Dense<Scalar>

  /// What one slot claims of a frame: logits (pixels, 1) and channels (pixels, C).
  struct Image: Sendable {
    let logits: Tensor<Scalar>
    let channels: Tensor<Scalar>
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
    let image = unsafe Image(
      logits: apply(mask, x, pixels: height * columns),
      channels: apply(readout, x, pixels: height * columns))
    trace?.record(LayerIdentity(mask.path), item: item, image.logits.values)
    trace?.record(LayerIdentity(readout.path), item: item, image.channels.values)
    return image
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

  /// The images of a frame's slots together.
  struct Frame: Sendable {
    /// (S, pixels)
    let logits: Tensor<Scalar>
    /// (S, pixels), summing to 1 over the slots
    let alphas: Tensor<Scalar>
    /// (pixels, C): the slots' channels, weighted by their alphas
    let flow: Tensor<Scalar>
    /// (pixels): the first slot with the largest logit
    let segmentations: [Int32]
  }

  static func combine(_ images: [Image]) -> Frame {
    let logits = Tensor<Scalar>(
      [images.count, images[0].logits.rows], images.flatMap(\.logits.values))
    let alphas = logits.softmaxOverRows()
    let (pixels, channels) = (logits.width, images[0].channels.width)
    var flow = Tensor<Scalar>(zeros: [pixels, channels])
    var largest = [Scalar](repeating: -.infinity, count: pixels)
    var segmentations = [Int32](repeating: 0, count: pixels)
    for (slot, image) in images.enumerated() {
      for pixel in 0..<pixels {
        let alpha = alphas.values[slot * pixels + pixel]
        for channel in 0..<channels {
          flow.values[pixel * channels + channel] +=
            image.channels.values[pixel * channels + channel] * alpha
        }
        let logit = logits.values[slot * pixels + pixel]
        if logit > largest[pixel] {
          largest[pixel] = logit
          segmentations[pixel] = Int32(slot)
        }
      }
    }
    return Frame(logits: logits, alphas: alphas, flow: flow, segmentations: segmentations)
  }
}
