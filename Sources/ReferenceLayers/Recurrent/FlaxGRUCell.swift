package import CheckpointCore

/// Flax's GRUCell (flax/linen/recurrent.py): a layer per gate; of the hidden state's layers only
/// the candidate's has a bias.
package struct FlaxGRUCell<Scalar: ModelScalar>: RecurrentCell {
  package let path: TensorName
  private let ir, iz, `in`: Dense<Scalar>
  private let hr, hz, hn: Dense<Scalar>

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package init(
    _ path: TensorName, _ read: ParameterReader, _ parameters: TensorName, inputs: Int, hidden: Int
  ) throws {
    self.path = path
    func layer(_ gate: String, _ inputs: Int, hasBias: Bool = true) throws -> Dense<Scalar> {
      Dense(
        path, try read("\(parameters)/\(gate)/kernel", [inputs, hidden]), .inputsOutputs,
        inputs: inputs, outputs: hidden,
        bias: hasBias ? try read("\(parameters)/\(gate)/bias", [hidden]) : [])
    }
    (ir, iz, `in`) = (
      try layer("ir", inputs), try layer("iz", inputs), try layer("in", inputs)
    )
    (hr, hz, hn) = (
      try layer("hr", hidden, hasBias: false), try layer("hz", hidden, hasBias: false),
      try layer("hn", hidden)
    )
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func gates(_ x: Tensor<Scalar>, _ hidden: Tensor<Scalar>) -> Gates<Scalar> {
    Gates(
      reset: ir(x) + hr(hidden), update: iz(x) + hz(hidden), candidateInput: `in`(x),
      candidateHidden: hn(hidden))
  }
}
