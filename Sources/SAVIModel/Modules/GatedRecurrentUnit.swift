/// The affine parts of a gated recurrent unit (Cho et al., arXiv:1406.1078), each (rows, hidden).
struct Gates<Scalar: ModelScalar> {
  let reset: Tensor<Scalar>
  let update: Tensor<Scalar>
  /// The candidate's part from the input, and the part from the hidden state, which the reset gate
  /// multiplies.
  let candidateInput: Tensor<Scalar>
  let candidateHidden: Tensor<Scalar>
}

/// Where the two frameworks differ: how the gates' parameters are packed.
protocol RecurrentCell<Scalar>: Sendable {
  associatedtype Scalar: ModelScalar

  /// (rows, inputs), (rows, hidden)
  func gates(_ inputs: Tensor<Scalar>, _ hidden: Tensor<Scalar>) -> Gates<Scalar>
}

/// r = σ(reset), z = σ(update), n = tanh(input part + r · hidden part): (1 - z)·n + z·hidden.
func gatedUpdate<Scalar: ModelScalar>(
  _ gates: Gates<Scalar>, hidden: Tensor<Scalar>, _ trace: Trace<Scalar>?
) -> Tensor<Scalar> {
  trace?.record("corrector.gru (reset gate)", gates.reset)
  trace?.record("corrector.gru (update gate)", gates.update)
  trace?.record("corrector.gru (candidate, input part)", gates.candidateInput)
  trace?.record("corrector.gru (candidate, hidden part)", gates.candidateHidden)
  var result = hidden
  for index in hidden.values.indices {
    let r = sigmoid(gates.reset.values[index])
    let z = sigmoid(gates.update.values[index])
    let n = Scalar.hyperbolicTangent(
      gates.candidateInput.values[index] + r * gates.candidateHidden.values[index])
    result.values[index] = (1 - z) * n + z * hidden.values[index]
  }
  return result
}

private func sigmoid<Scalar: ModelScalar>(_ x: Scalar) -> Scalar {
  1 / (1 + Scalar.exponential(-x))
}
