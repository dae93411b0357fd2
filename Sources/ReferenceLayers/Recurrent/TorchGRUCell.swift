package import CheckpointCore

/// PyTorch's GRUCell (torch/nn/modules/rnn.py): weights (3·hidden, in) whose rows are the reset,
/// update and candidate gates, and two biases of the same rows.
package struct TorchGRUCell<Scalar: ModelScalar>: RecurrentCell {
  package let path: TensorName
  private let input: Dense<Scalar>
  private let recurrent: Dense<Scalar>

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package init(_ path: TensorName, _ read: ParameterReader, inputs: Int, hidden: Int) throws {
    self.path = path
    input = Dense(
      path, try read("\(path).weight_ih", [3 * hidden, inputs]), .outputsInputs, inputs: inputs,
      outputs: 3 * hidden, bias: try read("\(path).bias_ih", [3 * hidden]))
    recurrent = Dense(
      path, try read("\(path).weight_hh", [3 * hidden, hidden]), .outputsInputs, inputs: hidden,
      outputs: 3 * hidden, bias: try read("\(path).bias_hh", [3 * hidden]))
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func gates(_ x: Tensor<Scalar>, _ hidden: Tensor<Scalar>) -> Gates<Scalar> {
    let (gi, gh) = (input(x), recurrent(hidden))  // each (rows, 3·hidden)
    let width = hidden.width
    func gate(_ packed: Tensor<Scalar>, _ index: Int) -> Tensor<Scalar> {
      packed.columns(index * width..<(index + 1) * width)
    }
    return Gates(
      reset: gate(gi, 0) + gate(gh, 0), update: gate(gi, 1) + gate(gh, 1),
      candidateInput: gate(gi, 2), candidateHidden: gate(gh, 2))
  }
}
