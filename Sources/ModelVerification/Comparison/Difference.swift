import ReferenceLayers

/// How far two tensors of one shape are apart.
package struct Difference: Sendable {
  /// The largest |a - b|; NaN where one alone is NaN.
  package let maximum: Double
  /// The largest magnitude of the reference.
  package let scale: Double
  /// The root of the sum of squares of the difference, as a part of the reference's.
  package let rootMeanSquare: Double
  /// The part of the elements that differ at all, from 0 to 1.
  package let share: Double

  /// The largest difference as a part of the reference's scale.
  package var relative: Double {
    maximum == 0 ? 0 : scale > 0 ? maximum / scale : .infinity
  }

  init<Scalar: ModelScalar>(_ values: Tensor<Scalar>, reference: Tensor<Scalar>) {
    self.init(values.values, reference: reference.values)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  init<Scalar: ModelScalar>(_ a: [Scalar], reference b: [Scalar]) {
    var (largest, scale): (Scalar, Scalar) = (0, 0)
    var (squares, reference) = (0.0, 0.0)
    var isNaN = a.count != b.count
    var differing = 0
    for index in 0..<min(a.count, b.count) {
      let (x, y) = (a[index], b[index])
      // Equal infinities, and NaN in both, are no difference.
      if x == y || (x.isNaN && y.isNaN) {
        if y.isFinite {
          scale = max(scale, y.magnitude)
          reference += Double(y) * Double(y)
        }
        continue
      }
      differing += 1
      let difference = (x - y).magnitude
      if difference.isNaN { isNaN = true }
      largest = max(largest, difference)
      squares += Double(difference) * Double(difference)
      if y.isFinite {
        scale = max(scale, y.magnitude)
        reference += Double(y) * Double(y)
      }
    }
    share = Double(differing) / Double(max(1, b.count))
    maximum = isNaN ? .nan : Double(largest)
    self.scale = Double(scale)
    rootMeanSquare =
      squares == 0 ? 0 : reference > 0 ? (squares / reference).squareRoot() : .infinity
  }
}
