import CheckpointCore

/// Layer normalisation (Ba et al. 2016, arXiv:1607.06450) of the last axes, as many elements as it
/// has scales: (x - mean) / sqrt(biased variance + epsilon) · scale + bias.
struct LayerNormDefinition: LayerDefinition {
  let id = "layer_norm"
  let title = "layer norm"
  func keepsFeaturesLast(_ facts: LayerFacts) -> Bool { true }

  func describes(_ facts: LayerFacts) -> Bool {
    facts.isNamed(["LayerNorm", "LayerNormalization"])
  }

  func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands? {
    affine(read)
  }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    guard let x = inputs.first else { return nil }
    return [
      .epsilon: .number(facts.epsilonOrDefault(torch: 1e-5, flax: 1e-6, keras: 1e-3)),
      .variance: .name("biased"), .axis: .name("features"),
      .window: .number(Double((operands[.scale] ?? operands[.bias])?.values.count ?? x.width)),
    ]
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard let x = inputs.first, let epsilon = settings.number(.epsilon),
      let window = settings.number(.window).map({ Int($0) }), window > 0,
      x.values.count % window == 0
    else { return nil }
    let isBiased = settings.name(.variance) != "unbiased"
    func normalized(_ rows: Tensor<Double>) -> Tensor<Double> {
      rows.normalizedRows(epsilon: epsilon, isBiased: isBiased, centres: true)
    }
    let result: Tensor<Double>
    switch settings.name(.axis) {
    case "positions":
      guard x.shape.count >= 2 else { return nil }
      let moved = x.transposed
      result = Tensor(moved.shape, normalized(moved).values).transposed
    case "positions and features":
      guard x.shape.count >= 2 else { return nil }
      let last = x.width * x.shape[x.shape.count - 2]
      result = normalized(x.reshaped([x.values.count / last, last]))
    case "all":
      guard let items = x.shape.first, items > 0 else { return nil }
      result = normalized(x.reshaped([items, x.values.count / items]))
    default: result = x
    }
    let rows = result.reshaped([x.values.count / window, window])
    return (settings.name(.axis) == "features" ? normalized(rows) : rows)
      .scaledAndShifted(operands, offset: 0)?.reshaped(x.shape)
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    [
      .epsilon: NormEpsilons.all, .variance: [.name("unbiased")],
      .axis: [.name("positions"), .name("positions and features"), .name("all")],
    ]
  }
}
