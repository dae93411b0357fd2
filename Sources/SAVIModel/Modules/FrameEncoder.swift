import CheckpointCore
import ReferenceLayers

/// A frame becomes a grid of features: a backbone, a position embedding, a layer norm and an MLP
/// per pixel (Kipf et al., arXiv:2111.12594, appendix); in SAVi++ a transformer after them.
struct FrameEncoder<Scalar: ModelScalar>: Sendable {
  enum Backbone: Sendable {
    case convolutions([Convolution<Scalar>])
    case residual(ResNet<Scalar>)
  }

  /// relu(dense(x)), then blocks of self-attention (Elsayed et al., arXiv:2206.07764).
  struct Transformer: Sendable {
    let dense: Dense<Scalar>
    let isRectified: Bool
    let blocks: [TransformerBlock<Scalar>]
  }

  let backbone: Backbone
  let positionEmbedding: PositionEmbedding<Scalar>
  let norm: LayerNorm<Scalar>
  let mlp: MLP<Scalar>
  let transformer: Transformer?
  /// Whether the pixels of a column follow one another in the result.
  let flattensColumnsFirst: Bool

  /// - Parameter frame: (height, width, channels)
  /// - Returns: (K, width), K pixels in rows, one after another.
  func callAsFunction(
    _ frame: Tensor<Scalar>, _ intermediates: inout Intermediates<Scalar>,
    _ workspace: Workspace<Scalar>, _ trace: Trace<Scalar>?
  ) -> Tensor<Scalar> {
    let features = features(frame, &intermediates, workspace, trace)
    intermediates.keep(.encCNN, features)
    let embedded = features + positionEmbedding.projected(trace)  // (height, width, E)
    let pos = mlp(norm(embedded, trace), trace)
    intermediates.keep(.encPos, pos)
    var x = flattensColumnsFirst ? pos.withColumnsFirst : pos.reshaped([pos.rows, pos.width])
    if let transformer {
      x = transformer.dense(x, trace)
      intermediates.keep(.encDense, x)
      if transformer.isRectified { rectify(&x) }
      for (index, block) in transformer.blocks.enumerated() {
        x = block(x, trace)
        intermediates.keep(.encBlock(index), x)
      }
    }
    intermediates.keep(.encoded, x)
    return x
  }

  private func features(
    _ frame: Tensor<Scalar>, _ intermediates: inout Intermediates<Scalar>,
    _ workspace: Workspace<Scalar>, _ trace: Trace<Scalar>?
  ) -> Tensor<Scalar> {
    switch backbone {
    case .convolutions(let layers): layers.reduce(frame) { $1($0, workspace, trace) }
    case .residual(let network): network(frame, &intermediates, workspace, trace)
    }
  }
}

extension Tensor {
  /// (height, width, channels) → (width·height, channels)
  fileprivate var withColumnsFirst: Tensor {
    let (height, columns) = (shape[0], shape[1])
    var result = Tensor(zeros: [height * columns, width])
    for pixel in 0..<height * columns {
      let source = (pixel % height * columns + pixel / height) * width
      result.values.replaceSubrange(
        pixel * width..<(pixel + 1) * width, with: values[source..<source + width])
    }
    return result
  }
}
