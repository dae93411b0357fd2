import ReferenceLayers

/// A way in which a tensor may have been made from earlier ones, by functions that no module's call
/// shows: residuals, activations, reshapes, pooling, attention.
struct Expression {
  /// One function of those that follow one another.
  enum Step: Equatable {
    case sum, product
    case activation(String)
    /// Times a number, and a number added.
    case affine(Float, Float)
    /// A sum with a number for each of the two.
    case weightedSum(Float, Float)
    /// Something added that is the same for every item.
    case table
    /// What lies beyond these is set to them.
    case limits(Float, Float)
    case dropout
    /// The axis along which, in the order of the arguments.
    case concatenation(axis: Int)
    case selection(String, axis: Int)
    case pooling(PoolingForm)
    case resizing(Resizing)
    case reversal(axis: Int)
    /// The product with a table of an embedding: how near each of its rows is.
    case tied
    case rearrangement([Int])
    case attention(AttentionForm)
  }

  /// In the order in which they are applied; none where the tensor is an earlier one as it is.
  let steps: [Step]
  /// For a person: `gelu(fc1)`.
  let text: String
  let arguments: [Origin]
  /// Whether every element comes from those at its own place, so that a few of them tell.
  let isElementwise: Bool
  /// Whether an item of the leading axis comes from the same item of all arguments.
  let isPerItem: Bool
  let make: ([Tensor<Float>]) -> Tensor<Float>?

  init(
    _ steps: [Step], _ text: String, _ arguments: [Origin], isElementwise: Bool,
    isPerItem: Bool = false,
    make: @escaping ([Tensor<Float>]) -> Tensor<Float>?
  ) {
    (self.steps, self.text, self.arguments) = (steps, text, arguments)
    (self.isElementwise, self.isPerItem, self.make) = (isElementwise, isPerItem, make)
  }

  /// An earlier tensor as it is.
  init(_ origin: Origin) {
    self.init([], origin.title, [origin], isElementwise: true) { $0[0] }
  }

  func value(_ side: RunSide) -> Tensor<Float>? {
    let values = arguments.compactMap { $0.values(side) }
    return values.count == arguments.count ? make(values) : nil
  }

  /// What it makes of the first item alone; `nil` where that tells nothing, or is all there is.
  func firstItem(_ side: RunSide, of shape: [Int]) -> Tensor<Float>? {
    guard isPerItem, let items = shape.first, items > 1,
      arguments.allSatisfy({ $0.shape.first == items })
    else { return nil }
    let values = arguments.compactMap { $0.values(side)?.first(1) }
    return values.count == arguments.count ? make(values) : nil
  }

  /// Of the samples of the arguments; `nil` where elements depend on others.
  func samples(_ side: RunSide) -> [Float]? {
    guard isElementwise else { return nil }
    let samples = arguments.map { $0.samples(side) }
    return make(samples.map { Tensor([$0.count], $0) })?.values
  }

  /// The same, and then one function more.
  func followed(
    by step: Step, _ text: String, isElementwise: Bool = false, isPerItem: Bool = false,
    _ function: @escaping (Tensor<Float>) -> Tensor<Float>?
  ) -> Expression {
    let make = make
    return Expression(
      steps + [step], text, arguments, isElementwise: self.isElementwise && isElementwise,
      isPerItem: isPerItem
    ) { make($0).flatMap(function) }
  }

  /// The same, element by element, and then with another tensor.
  func joined(
    _ step: Step, _ text: String, _ other: Expression,
    _ function: @escaping (Float, Float) -> Float
  ) -> Expression {
    let (make, makeOther, count) = (make, other.make, arguments.count)
    return Expression(
      steps + other.steps + [step], text, arguments + other.arguments,
      isElementwise: isElementwise && other.isElementwise
    ) { tensors in
      guard let x = make(Array(tensors.prefix(count))),
        let y = makeOther(Array(tensors.dropFirst(count)))
      else { return nil }
      return x.combined(y, function)
    }
  }
}
