import CheckpointCore
import ReferenceLayers

/// The slots of one frame predict those of the next: self-attention and an MLP, each with a
/// residual and a layer norm after it (Vaswani et al., arXiv:1706.03762).
struct TransformerBlock<Scalar: ModelScalar>: Sendable {
  let attention: any SelfAttention<Scalar>
  let attentionNorm: LayerNorm<Scalar>
  let mlp: MLP<Scalar>
  let mlpNorm: LayerNorm<Scalar>

  /// (S, slot) → (S, slot)
  func callAsFunction(_ slots: Tensor<Scalar>, _ trace: Trace<Scalar>?) -> Tensor<Scalar> {
    let projections = attention.projections(slots)
    trace?.record(LayerIdentity("predictor.w_qkv", part: "query"), projections.flatMap(\.q.values))
    trace?.record(LayerIdentity("predictor.w_qkv", part: "key"), projections.flatMap(\.k.values))
    trace?.record(LayerIdentity("predictor.w_qkv", part: "value"), projections.flatMap(\.v.values))
    let heads = projections.map { q, k, v in
      q.times(k, transposed: true).scaled(by: 1 / Scalar(q.width).squareRoot())
        .softmaxOverColumns().times(v)
    }
    let merged = attention.merge(heads)
    trace?.record(LayerIdentity("predictor.w_o"), merged)
    let y = attentionNorm(merged + slots, trace)
    return mlpNorm(mlp(y, trace) + y, trace)
  }
}
