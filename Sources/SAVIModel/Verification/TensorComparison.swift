package import CheckpointCore

/// Every parameter of two models, as PyTorch's tensors: what one clip does not exercise is compared
/// all the same.
package struct TensorComparison: Sendable {
  package struct Difference: Sendable {
    package let tensor: TensorName
    /// The largest |a - b|; NaN where an element is NaN.
    package let maximum: Double
  }

  package let count: Int
  /// The tensors with an element beyond the tolerance.
  package let differences: [Difference]
  /// The largest |a - b| of all.
  package let maximum: Double

  init(
    _ model: ReferenceModel, with reference: ReferenceModel, _ tolerance: Tolerance
  ) throws {
    let names = try model.torchParameterNames
    var (differences, overall) = ([Difference](), 0.0)
    for name in names {
      let (a, b) = (try model.torchParameter(name), try reference.torchParameter(name))
      var (maximum, agrees) = (0.0, a.count == b.count)
      for (x, y) in zip(a, b) {
        let difference = (x - y).magnitude
        maximum = difference.isNaN || maximum.isNaN ? .nan : max(maximum, difference)
        if !tolerance.admits(x, y) { agrees = false }
      }
      if !agrees { differences.append(Difference(tensor: name, maximum: maximum)) }
      overall = maximum.isNaN || overall.isNaN ? .nan : max(overall, maximum)
    }
    // A second name that is no view of the first holds elements of its own.
    for pair in try model.secondNames() + reference.secondNames() {
      if pair.maximum != 0 { differences.append(pair) }
      overall = pair.maximum.isNaN || overall.isNaN ? .nan : max(overall, pair.maximum)
    }
    count = names.count
    self.differences = differences
    maximum = overall
  }
}
