import CheckpointCore

/// Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167) of every channel, by the running
/// statistics, or in training by those of the batch, whose variance is biased.
struct BatchNormDefinition: LayerDefinition {
  let id = "batch_norm"
  let title = "batch norm"
  let isPerItem = false

  func hasChannelsFirst(_ facts: LayerFacts) -> Bool? { facts.hasChannelsFirst }

  func describes(_ facts: LayerFacts) -> Bool {
    facts.isNamed([
      "BatchNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "BatchNormalization",
      "SyncBatchNorm",
    ])
  }

  func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands? {
    var operands = affine(read)
    operands[.mean] = read("running_mean") ?? read("mean") ?? read("moving_mean")
    operands[.variance] = read("running_var") ?? read("var") ?? read("moving_variance")
    return operands
  }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    [
      .epsilon: .number(facts.epsilonOrDefault(torch: 1e-5, flax: 1e-5, keras: 1e-3)),
      .training: .flag(facts.isTraining || operands[.mean] == nil),
      .variance: .name("biased"),
    ]
  }

  func layout(_ tensor: Tensor<Double>, _ facts: LayerFacts) -> Tensor<Double> {
    facts.framework == .torch ? tensor.channelsLast : tensor
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard let x = inputs.first, let epsilon = settings.number(.epsilon) else { return nil }
    let columns = x.reshaped([x.rows, x.width])
    if settings.isOn(.training) {
      let isBiased = settings.name(.variance) != "unbiased"
      return columns.transposed
        .normalizedRows(epsilon: epsilon, isBiased: isBiased, centres: true).transposed
        .scaledAndShifted(operands, offset: 0)?.reshaped(x.shape)
    }
    guard let mean = operands[.mean], let variance = operands[.variance],
      mean.values.count == x.width, variance.values.count == x.width
    else { return nil }
    var y = columns
    let factors = variance.values.map { 1 / ($0 + epsilon).squareRoot() }
    for index in y.values.indices {
      let channel = index % x.width
      y.values[index] = (y.values[index] - mean.values[channel]) * factors[channel]
    }
    return y.scaledAndShifted(operands, offset: 0)?.reshaped(x.shape)
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    [
      .epsilon: NormEpsilons.all, .training: [.flag(!settings.isOn(.training))],
      .variance: [.name("unbiased")],
    ]
  }
}
