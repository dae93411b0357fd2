import CheckpointCore
import ReferenceLayers

/// Self-attention and an MLP, each with a residual (Vaswani et al., arXiv:1706.03762) and a layer
/// norm: behind the residual, or in front of the layer (Xiong et al., arXiv:2002.04745).
struct TransformerBlock<Scalar: ModelScalar>: Sendable {
  let path: TensorName
  let attention: any SelfAttention<Scalar>
  /// What the scores are divided by the root of: the width of a head.
  let scaledWidth: Int
  let attentionNorm: LayerNorm<Scalar>
  let mlp: MLP<Scalar>
  let mlpNorm: LayerNorm<Scalar>
  let isPreNorm: Bool

  /// (S, width) → (S, width)
  func callAsFunction(_ x: Tensor<Scalar>, _ trace: Trace<Scalar>?) -> Tensor<Scalar> {
    if isPreNorm {
      let y = x + attend(attentionNorm(x, trace), trace)
      return y + mlp(mlpNorm(y, trace), trace)
    }
    let y = attentionNorm(attend(x, trace) + x, trace)
    return mlpNorm(mlp(y, trace) + y, trace)
  }

  /// softmax(q kᵀ / √width) v for every head, joined: (S, width) → (S, width).
  private func attend(_ x: Tensor<Scalar>, _ trace: Trace<Scalar>?) -> Tensor<Scalar> {
    let projections = attention.projections(x)
    for (part, tensors) in [
      ("query", projections.map(\.q)), ("key", projections.map(\.k)),
      ("value", projections.map(\.v)),
    ] {
      trace?.record(LayerIdentity("\(path).w_qkv", part: part), tensors.flatMap(\.values))
    }
    let scale = 1 / Scalar(scaledWidth).squareRoot()
    let heads = projections.map { q, k, v in
      q.times(k, transposed: true).scaled(by: scale).softmaxOverColumns().times(v)
    }
    let merged = attention.merge(heads)
    trace?.record(LayerIdentity("\(path).w_o"), merged)
    return merged
  }
}
