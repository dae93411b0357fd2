import CheckpointCore
import ReferenceLayers

/// Slots compete for the pixels of a frame and are updated by what they win (Locatello et al.,
/// arXiv:2006.15055): one iteration, one head, no MLP.
struct SlotAttention<Scalar: ModelScalar>: Sendable {
  let inputNorm: LayerNorm<Scalar>
  let slotNorm: LayerNorm<Scalar>
  /// slot → attention, E → attention, E → attention; without biases.
  let query: Dense<Scalar>
  let key: Dense<Scalar>
  let value: Dense<Scalar>
  let cell: any RecurrentCell<Scalar>
  /// What the scores are divided by the root of: the width of queries and keys.
  let scaledWidth: Int

  /// Keeps a slot that wins no pixel from dividing by zero.
  private static var epsilon: Scalar { 1e-8 }

  /// (K, E) → two tensors of (K, attention): what does not depend on the slots.
  func keysAndValues(
    _ encoded: Tensor<Scalar>, _ trace: Trace<Scalar>?
  ) -> (keys: Tensor<Scalar>, values: Tensor<Scalar>) {
    let x = inputNorm(encoded, trace)
    return (key(x, trace), value(x, trace))
  }

  /// (S, slot), (K, attention) twice → the attention (S, K), and the new slots (S, slot).
  func callAsFunction(
    _ slots: Tensor<Scalar>, keys: Tensor<Scalar>, values: Tensor<Scalar>,
    _ trace: Trace<Scalar>?
  ) -> (attention: Tensor<Scalar>, slots: Tensor<Scalar>) {
    let queries = query(slotNorm(slots, trace), trace)  // (S, attention)
    let scale = 1 / Scalar(scaledWidth).squareRoot()
    let attention = queries.times(keys, transposed: true).scaled(by: scale).softmaxOverRows()
    trace?.record(LayerIdentity("corrector.inverted_attention"), attention)
    var weights = attention  // (S, K), each row summing to 1
    for slot in 0..<weights.rows {
      let range = slot * weights.width..<(slot + 1) * weights.width
      let sum = Scalar(weights.values[range].reduce(0.0) { $0 + Double($1) }) + Self.epsilon
      for index in range { weights.values[index] /= sum }
    }
    let updates = weights.times(values)  // (S, attention)
    return (attention, gatedUpdate(cell.path, cell.gates(updates, slots), hidden: slots, trace))
  }
}
