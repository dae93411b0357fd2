package import CheckpointCore

/// Layer normalisation of the last axis (Ba et al. 2016, arXiv:1607.06450):
/// (x - mean) / sqrt(biased variance + epsilon) · scale + bias.
package struct LayerNorm<Scalar: ModelScalar>: Sendable {
  /// The module's path.
  package let path: TensorName
  package let scale: [Scalar]
  package let bias: [Scalar]
  package let epsilon: Double

  package init(path: TensorName, scale: [Scalar], bias: [Scalar], epsilon: Double) {
    self.path = path
    self.scale = scale
    self.bias = bias
    self.epsilon = epsilon
  }

  /// (…, width) → (…, width)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func callAsFunction(_ x: Tensor<Scalar>, _ trace: Trace<Scalar>?) -> Tensor<Scalar> {
    var y = x
    let (width, count) = (x.width, Scalar(x.width))
    for row in 0..<x.rows {
      let range = row * width..<(row + 1) * width
      var mean: Scalar = 0
      for index in range { mean += x.values[index] }
      mean /= count
      var variance: Scalar = 0
      for index in range {
        let centred = x.values[index] - mean
        variance += centred * centred
      }
      let factor = 1 / (variance / count + Scalar(epsilon)).squareRoot()
      for column in 0..<width {
        let index = range.lowerBound + column
        y.values[index] = (x.values[index] - mean) * factor * scale[column] + bias[column]
      }
    }
    trace?.record(LayerIdentity(path), y)
    return y
  }
}
