/// lin₁(relu(lin₀(x)))
package struct MLP<Scalar: ModelScalar>: Sendable {
  package let first: Dense<Scalar>
  package let second: Dense<Scalar>

  package init(first: Dense<Scalar>, second: Dense<Scalar>) {
    self.first = first
    self.second = second
  }

  /// (…, inputs) → (…, outputs)
  package func callAsFunction(_ x: Tensor<Scalar>, _ trace: Trace<Scalar>?) -> Tensor<Scalar> {
    second(relu(first(x, trace)), trace)
  }
}
