import CheckpointCore

/// Group normalisation (Wu and He 2018, arXiv:1803.08494): channels of a group, which lie side by
/// side, and all pixels together. One channel in each group is instance normalisation.
struct GroupNormDefinition: LayerDefinition {
  let id = "group_norm"
  let title = "group norm"

  private static let instance: Set = [
    "InstanceNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
  ]

  func hasChannelsFirst(_ facts: LayerFacts) -> Bool? { facts.hasChannelsFirst }

  func describes(_ facts: LayerFacts) -> Bool {
    facts.isNamed(["GroupNorm", "GroupNormalization"]) || facts.isNamed(Self.instance)
  }

  func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands? {
    affine(read)
  }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    guard let x = inputs.first else { return nil }
    var groups = facts.number("num_groups", "groups") ?? 32
    if let size = facts.number("group_size"), size > 0 { groups = Double(x.width) / size }
    if facts.isNamed(Self.instance) { groups = Double(x.width) }
    return [
      .epsilon: .number(facts.epsilonOrDefault(torch: 1e-5, flax: 1e-6, keras: 1e-3)),
      .groups: .number(groups), .variance: .name("biased"), .axis: .name("blocks"),
    ]
  }

  func layout(_ tensor: Tensor<Double>, _ facts: LayerFacts) -> Tensor<Double> {
    facts.framework == .torch ? tensor.channelsLast : tensor
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard let x = inputs.first, let epsilon = settings.number(.epsilon),
      let groups = settings.number(.groups).map({ Int($0) }), groups > 0, x.width % groups == 0,
      x.shape.count >= 2
    else { return nil }
    let pixels = x.values.count / max(1, x.shape[0] * x.width)
    let each = x.width / groups
    // Channels in blocks belong to one group; interleaved, every `groups`-th one does.
    let isInterleaved = settings.name(.axis) == "interleaved"
    let split = x.reshaped(
      isInterleaved ? [x.shape[0], pixels, each, groups] : [x.shape[0], pixels, groups, each])
    let order = isInterleaved ? [0, 3, 1, 2] : [0, 2, 1, 3]
    let back = isInterleaved ? [0, 2, 3, 1] : [0, 2, 1, 3]
    let gathered = split.permuted(order)
    let normalized = Tensor([x.shape[0] * groups, pixels * each], gathered.values)
      .normalizedRows(
        epsilon: epsilon, isBiased: settings.name(.variance) != "unbiased", centres: true)
    return Tensor(gathered.shape, normalized.values).permuted(back)
      .reshaped([x.rows, x.width]).scaledAndShifted(operands, offset: 0)?.reshaped(x.shape)
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    let width = inputs.first?.width ?? 1
    return [
      .epsilon: NormEpsilons.all, .variance: [.name("unbiased")],
      .groups: (1...max(1, width)).filter { width % $0 == 0 }.map { .number(Double($0)) },
      .axis: [.name("interleaved")],
    ]
  }
}
