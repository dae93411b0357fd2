import ReferenceLayers

/// A frame becomes a grid of features: convolutions, a position embedding, a layer norm and an MLP
/// per pixel (Kipf et al., arXiv:2111.12594, appendix).
struct FrameEncoder<Scalar: ModelScalar>: Sendable {
  let backbone: [Convolution<Scalar>]
  let positionEmbedding: PositionEmbedding<Scalar>
  let norm: LayerNorm<Scalar>
  let mlp: MLP<Scalar>

  /// - Parameter frame: (height, width, channels)
  /// - Returns: two tensors of (feature height, feature width, E): before and after the position
  ///   embedding with its MLP.
  func callAsFunction(
    _ frame: Tensor<Scalar>, _ workspace: Workspace<Scalar>, _ trace: Trace<Scalar>?
  ) -> (cnn: Tensor<Scalar>, pos: Tensor<Scalar>) {
    var x = frame
    for layer in backbone {
      var y = Tensor<Scalar>(
        zeros: [
          layer.outputExtent(x.shape[0]), layer.outputExtent(x.shape[1]), layer.size.outputs,
        ])
      // The layer's sizes were checked against the frame's when the model was built.
      unsafe x.values.withUnsafeBufferPointer { source in
        unsafe y.values.withUnsafeMutableBufferPointer { target in
          unsafe layer(
            source.baseAddress!, height: x.shape[0], width: x.shape[1], to: target.baseAddress!,
            workspace)
        }
      }
      trace?.record(LayerIdentity(layer.path), y)
      x = y
    }
    let embedded = x + positionEmbedding.projected(trace)  // (height, width, E)
    return (x, mlp(norm(embedded, trace), trace))
  }
}
