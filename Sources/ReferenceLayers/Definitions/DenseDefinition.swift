import CheckpointCore

/// An affine map of the last axes: y = x·W + b. Flax keeps W as (inputs, outputs), with heads as axes
/// of their own in a DenseGeneral; PyTorch as (outputs, inputs); GPT-2's Conv1D the other way round in
/// both. A convolution of one pixel is one over the channels.
struct DenseDefinition: LayerDefinition {
  let id = "dense"
  let title = "dense layer"
  func keepsFeaturesLast(_ facts: LayerFacts) -> Bool { !isPointwise(facts) }

  func hasChannelsFirst(_ facts: LayerFacts) -> Bool? {
    isPointwise(facts) ? facts.hasChannelsFirst : nil
  }

  private static let convolutions: Set = [
    "Conv", "Conv1d", "Conv2d", "Conv3d", "Conv2D", "Conv3D",
  ]

  func describes(_ facts: LayerFacts) -> Bool {
    guard let shape = facts.parameters["weight"] ?? facts.parameters["kernel"] else { return false }
    if isPointwise(facts) { return true }
    return facts.isNamed([
      "Linear", "Dense", "DenseGeneral", "Conv1D", "LinearGeneral", "LazyLinear",
    ])
      && shape.count >= 2 && !(facts.framework == .keras && facts.isNamed(["Conv1D"]))
  }

  /// Whether it is a convolution that looks at one pixel at a time.
  private func isPointwise(_ facts: LayerFacts) -> Bool {
    let isConvolution =
      facts.isNamed(Self.convolutions)
      || (facts.framework == .keras && facts.isNamed(["Conv1D"]))
    guard isConvolution, let shape = facts.parameters["weight"] ?? facts.parameters["kernel"],
      shape.count >= 3
    else { return false }
    let rank = shape.count - 2
    let spatial = facts.framework == .torch ? shape.suffix(rank) : shape.prefix(rank)
    let ones = [Int](repeating: 1, count: rank)
    let padding = facts.extents("padding", count: rank)
    return Array(spatial) == ones
      && (facts.extents("stride", "strides", count: rank) ?? ones) == ones
      && (facts.number("groups", "feature_group_count") ?? 1) == 1
      && (padding ?? [0]).allSatisfy { $0 == 0 }
  }

  func layout(_ tensor: Tensor<Double>, _ facts: LayerFacts) -> Tensor<Double> {
    isPointwise(facts) && facts.hasChannelsFirst ? tensor.channelsLast : tensor
  }

  func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands? {
    guard let weight = read("weight") ?? read("kernel") else { return nil }
    var operands: Operands = [:]
    if isPointwise(facts) {
      let sides = facts.framework == .torch ? weight.shape.prefix(2) : weight.shape.suffix(2)
      let kernel = weight.reshaped(Array(sides))
      operands[.kernel] = facts.framework == .torch ? kernel.transposed : kernel
    } else if facts.framework.isChannelsLast {
      let inputs = inputSize(facts, weight.shape)
      let kernel = weight.reshaped([inputs, weight.values.count / max(1, inputs)])
      operands[.kernel] = facts.isNamed(["Conv1D"]) ? kernel.transposed : kernel
    } else {
      operands[.kernel] = facts.isNamed(["Conv1D"]) ? weight : weight.transposed
    }
    if let bias = read("bias") { operands[.bias] = bias.reshaped([bias.values.count]) }
    return operands
  }

  /// The inputs that a kernel of this shape contracts: all axes but the features'.
  private func inputSize(_ facts: LayerFacts, _ shape: [Int]) -> Int {
    var features = 1
    if case .array(let items)? = facts.attributes["features"] { features = items.count }
    return shape.dropLast(min(features, shape.count - 1)).reduce(1, *)
  }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    [
      .precision: .name("float32"),
      .activation: .name(facts.framework == .keras ? facts.kerasActivation : "identity"),
    ]
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard let x = inputs.first, let kernel = operands[.kernel], kernel.shape.count == 2,
      let activation = settings.name(.activation).flatMap(Activation.named),
      let precision = settings.name(.precision).flatMap(Precision.init(named:)),
      kernel.shape[0] > 0,
      x.values.count % kernel.shape[0] == 0
    else { return nil }
    let rows = x.reshaped([x.values.count / kernel.shape[0], kernel.shape[0]])
    let product = precision.rounded(rows).times(precision.rounded(kernel))
    return product.shifted(operands[.bias]).map { precision.finished($0, activation) }
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    [.precision: Precision.all, .activation: Activation.all.map { .name($0.name) }]
  }
}

extension LayerFacts {
  /// The activation that a Keras layer applies itself.
  var kerasActivation: String {
    switch text("activation") {
    case nil, "linear": "identity"
    case "swish": "silu"
    case let name?: name
    }
  }
}

extension Tensor<Double> {
  /// A bias added to every row; `nil` where it has another width.
  func shifted(_ bias: Tensor<Double>?) -> Tensor? {
    guard let row = bias?.values else { return self }
    guard row.count == width else { return nil }
    var result = self
    for index in result.values.indices { result.values[index] += row[index % row.count] }
    return result
  }
}
