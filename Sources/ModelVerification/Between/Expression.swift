import ReferenceLayers

/// A way in which a tensor may have been made from earlier ones, by functions that no module's call
/// shows: residuals, activations, reshapes, pooling, attention.
struct Expression {
  /// One function of those that follow one another.
  enum Step: Equatable {
    case sum, product
    case activation(String)
    case scaling(Float)
    /// The axis along which, in the order of the arguments.
    case concatenation(axis: Int)
    case selection(String, axis: Int)
    case pooling(isMaximum: Bool, window: Int)
    case rearrangement([Int])
    case attention(AttentionForm)
  }

  /// In the order in which they are applied; none where the tensor is an earlier one as it is.
  let steps: [Step]
  /// For a person: `gelu(fc1)`.
  let text: String
  /// Places among the origins.
  let arguments: [Int]
  let make: ([Tensor<Float>]) -> Tensor<Float>?

  func value(_ origins: [Origin], _ side: RunSide) -> Tensor<Float>? {
    make(arguments.map { origins[$0].values(side) })
  }

  /// The same, and then one function more.
  func followed(
    by step: Step, _ text: String, _ function: @escaping (Tensor<Float>) -> Tensor<Float>?
  ) -> Expression {
    let make = make
    return Expression(steps: steps + [step], text: text, arguments: arguments) {
      make($0).flatMap(function)
    }
  }
}
