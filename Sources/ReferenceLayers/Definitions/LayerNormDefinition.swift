import CheckpointCore

/// Layer normalisation (Ba et al. 2016, arXiv:1607.06450) of the last axes, as many elements as it
/// has scales: (x - mean) / sqrt(biased variance + epsilon) · scale + bias.
struct LayerNormDefinition: LayerDefinition {
  let id = "layer_norm"
  let title = "layer norm"
  let keepsFeaturesLast = true

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
      .variance: .name("biased"),
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
    let rows = x.reshaped([x.values.count / window, window])
    let normalized = rows.normalizedRows(
      epsilon: epsilon, isBiased: settings.name(.variance) != "unbiased", centres: true)
    return normalized.scaledAndShifted(operands, offset: 0)?.reshaped(x.shape)
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    [.epsilon: NormEpsilons.all, .variance: [.name("unbiased")]]
  }
}
