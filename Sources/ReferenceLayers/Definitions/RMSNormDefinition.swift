import CheckpointCore

/// Root mean square normalisation (Zhang and Sennrich 2019, arXiv:1910.07467) of the last axis:
/// x / sqrt(mean(x²) + epsilon) · (scale + offset); Gemma's offset is 1.
struct RMSNormDefinition: LayerDefinition {
  let id = "rms_norm"
  let title = "RMS norm"
  func keepsFeaturesLast(_ facts: LayerFacts) -> Bool { true }

  func describes(_ facts: LayerFacts) -> Bool {
    facts.classNames.contains { $0.hasSuffix("RMSNorm") || $0 == "RMSNormalization" }
  }

  func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands? {
    affine(read)
  }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    [
      .epsilon: .number(facts.epsilonOrDefault(torch: 1e-6, flax: 1e-6, keras: 1e-6)),
      .offset: .number(0),
    ]
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard let x = inputs.first, let epsilon = settings.number(.epsilon),
      let offset = settings.number(.offset)
    else { return nil }
    let rows = x.reshaped([x.rows, x.width])
    return rows.normalizedRows(epsilon: epsilon, isBiased: true, centres: false)
      .scaledAndShifted(operands, offset: offset)?.reshaped(x.shape)
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    [.epsilon: NormEpsilons.all, .offset: [.number(1), .number(0)]]
  }
}
