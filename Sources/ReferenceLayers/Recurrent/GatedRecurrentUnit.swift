package import CheckpointCore

/// The affine parts of a gated recurrent unit (Cho et al., arXiv:1406.1078), each (rows, hidden).
package struct Gates<Scalar: ModelScalar> {
  package let reset: Tensor<Scalar>
  package let update: Tensor<Scalar>
  /// The candidate's part from the input, and the part from the hidden state, which the reset gate
  /// multiplies.
  package let candidateInput: Tensor<Scalar>
  package let candidateHidden: Tensor<Scalar>
}

/// Where the two frameworks differ: how the gates' parameters are packed.
package protocol RecurrentCell<Scalar>: Sendable {
  associatedtype Scalar: ModelScalar

  /// The module's path.
  var path: TensorName { get }

  /// (rows, inputs), (rows, hidden)
  func gates(_ inputs: Tensor<Scalar>, _ hidden: Tensor<Scalar>) -> Gates<Scalar>
}

/// r = σ(reset), z = σ(update), n = tanh(input part + r · hidden part): (1 - z)·n + z·hidden.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
package func gatedUpdate<Scalar: ModelScalar>(
  _ path: TensorName, _ gates: Gates<Scalar>, hidden: Tensor<Scalar>, _ trace: Trace<Scalar>?
) -> Tensor<Scalar> {
  trace?.record(LayerIdentity(path, part: "reset gate"), gates.reset)
  trace?.record(LayerIdentity(path, part: "update gate"), gates.update)
  trace?.record(LayerIdentity(path, part: "candidate, input part"), gates.candidateInput)
  trace?.record(LayerIdentity(path, part: "candidate, hidden part"), gates.candidateHidden)
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
