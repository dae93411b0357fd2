package import CheckpointCore

/// An affine map of the last axis: y = x·W + b.
package struct Dense<Scalar: ModelScalar>: Sendable {
  /// How the weight lies in memory: as Flax's Dense keeps it, or as PyTorch's Linear does.
  package enum Layout: Sendable { case inputsOutputs, outputsInputs }

  /// The module's path.
  package let path: TensorName
  package let weight: [Scalar]
  package let layout: Layout
  /// (outputs,); empty where the layer has none.
  package let bias: [Scalar]
  package let inputs: Int
  package let outputs: Int

  package init(
    _ path: TensorName, _ weight: [Scalar], _ layout: Layout, inputs: Int, outputs: Int,
    bias: [Scalar] = []
  ) {
    self.path = path
    self.weight = weight
    self.layout = layout
    self.bias = bias
    self.inputs = inputs
    self.outputs = outputs
  }

  /// (…, inputs) → (…, outputs)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func callAsFunction(
    _ x: Tensor<Scalar>, _ trace: Trace<Scalar>? = nil
  ) -> Tensor<Scalar> {
    var y = Tensor<Scalar>(zeros: x.shape.dropLast() + [outputs])
    // Both arrays have rows of the widths that the layer was made with.
    unsafe x.values.withUnsafeBufferPointer { x in
      unsafe y.values.withUnsafeMutableBufferPointer { y in
        unsafe apply(x.baseAddress!, rows: y.count / outputs, to: y.baseAddress!)
      }
    }
    trace?.record(LayerIdentity(path), y)
    return y
  }

  /// (rows, inputs) → (rows, outputs), in memory of the caller's.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func apply(
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
