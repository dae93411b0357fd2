/// An affine map of the last axis: y = x·W + b.
struct Dense<Scalar: ModelScalar>: Sendable {
  /// How the weight lies in memory: as Flax's Dense keeps it, or as PyTorch's Linear does.
  enum Layout: Sendable { case inputsOutputs, outputsInputs }

  let weight: [Scalar]
  let layout: Layout
  /// (outputs,); empty where the layer has none.
  let bias: [Scalar]
  let inputs: Int
  let outputs: Int

  init(_ weight: [Scalar], _ layout: Layout, inputs: Int, outputs: Int, bias: [Scalar] = []) {
    self.weight = weight
    self.layout = layout
    self.bias = bias
    self.inputs = inputs
    self.outputs = outputs
  }

  /// (…, inputs) → (…, outputs)
  func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    var y = Tensor<Scalar>(zeros: x.shape.dropLast() + [outputs])
    // Both arrays have rows of the widths that the layer was made with.
    unsafe x.values.withUnsafeBufferPointer { x in
      unsafe y.values.withUnsafeMutableBufferPointer { y in
        unsafe apply(x.baseAddress!, rows: y.count / outputs, to: y.baseAddress!)
      }
    }
    return y
  }

  /// (rows, inputs) → (rows, outputs), in memory of the caller's.
  func apply(
    _ x: UnsafePointer<Scalar>, rows: Int, to y: UnsafeMutablePointer<Scalar>
  ) {
    if !bias.isEmpty {
      for row in 0..<rows {
        for column in 0..<outputs { unsafe y[row * outputs + column] = bias[column] }
      }
    }
    unsafe weight.withUnsafeBufferPointer { weight in
      unsafe Scalar.multiply(
        rows: rows, columns: outputs, inner: inputs, x, lda: inputs, weight.baseAddress!,
        ldb: layout == .inputsOutputs ? outputs : inputs,
        transposesB: layout == .outputsInputs, beta: bias.isEmpty ? 0 : 1, y, ldc: outputs)
    }
  }
}

/// lin₁(relu(lin₀(x)))
struct MLP<Scalar: ModelScalar>: Sendable {
  let name: String
  let first: Dense<Scalar>
  let second: Dense<Scalar>

  /// (…, inputs) → (…, outputs)
  func callAsFunction(_ x: Tensor<Scalar>, _ trace: Trace<Scalar>?) -> Tensor<Scalar> {
    let hidden = first(x)
    trace?.record("\(name).model.dense_mlp_0", hidden)
    let y = second(relu(hidden))
    trace?.record("\(name).model.dense_mlp_1", y)
    return y
  }
}

/// max(x, 0), element by element.
func relu<Scalar: ModelScalar>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(x.shape, x.values.map { max($0, 0) })
}
