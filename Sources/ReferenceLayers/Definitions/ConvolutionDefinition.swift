import CheckpointCore

/// A convolution as neural networks mean it (a cross-correlation), in any number of dimensions:
///
///     y[n, p, o] = bias[o] + Σ x[n, s·p + d·a - before, i] · kernel[a, i, o]
///
/// Kernels are (…, inputs / groups, outputs). SAME padding (jax/_src/lax/lax.py, `padtype_to_pads`)
/// puts the larger half last; PyTorch's `padding` pads both sides alike.
struct ConvolutionDefinition: LayerDefinition {
  let id = "convolution"
  let title = "convolution"

  func hasChannelsFirst(_ facts: LayerFacts) -> Bool? { facts.hasChannelsFirst }

  func describes(_ facts: LayerFacts) -> Bool {
    facts.isNamed([
      "Conv", "Conv1d", "Conv2d", "Conv3d", "Conv2D", "Conv3D", "Conv1D", "DepthwiseConv2D",
    ])
      && (facts.parameters["weight"] ?? facts.parameters["kernel"])?.count ?? 0 >= 3
  }

  func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands? {
    guard let weight = read("weight") ?? read("kernel") else { return nil }
    let axes = Array(weight.shape.indices)
    var operands: Operands = [
      .kernel: facts.framework.isChannelsLast ? weight : weight.permuted(axes[2...] + [1, 0])
    ]
    if let bias = read("bias") { operands[.bias] = bias.reshaped([bias.values.count]) }
    return operands
  }

  /// The kernel, the input, the number of spatial axes, and the steps along them; `nil` where they are
  /// no convolution's, transposed or not.
  static func geometry(
    _ facts: LayerFacts, _ operands: Operands, _ inputs: [Tensor<Double>]
  ) -> (
    kernel: Tensor<Double>, x: Tensor<Double>, rank: Int, stride: [Int], dilation: [Int]
  )? {
    guard let kernel = operands[.kernel], let x = inputs.first else { return nil }
    let rank = kernel.shape.count - 2
    guard x.shape.count == rank + 2 else { return nil }
    return (
      kernel, x, rank, facts.extents("stride", "strides", count: rank) ?? ones(rank),
      facts.extents("dilation", "kernel_dilation", "dilation_rate", count: rank) ?? ones(rank)
    )
  }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    guard let (kernel, x, rank, stride, dilation) = Self.geometry(facts, operands, inputs),
      let padding = Padding(facts, rank: rank)?.amounts(
        x.shape[1...rank], kernel.shape[..<rank], stride, dilation),
      let mode = PaddingMode(facts)
    else { return nil }
    return [
      .stride: .extents(stride), .dilation: .extents(dilation), .padding: .pairs(padding),
      .groups: .number(facts.number("groups", "feature_group_count") ?? 1),
      .paddingMode: .name(mode.rawValue), .precision: .name("float32"),
      .kernelFlipped: .flag(false),
      .activation: .name(facts.framework == .keras ? facts.kerasActivation : "identity"),
    ]
  }

  static func ones(_ count: Int) -> [Int] { [Int](repeating: 1, count: count) }

  func layout(_ tensor: Tensor<Double>, _ facts: LayerFacts) -> Tensor<Double> {
    let kernel = facts.parameters["weight"] ?? facts.parameters["kernel"] ?? []
    return ImageLayout.canonical(tensor, facts, rank: kernel.count)
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard let x = inputs.first, var kernel = operands[.kernel],
      let stride = settings.extents(.stride), let dilation = settings.extents(.dilation),
      let padding = settings.pairs(.padding), let groups = settings.number(.groups),
      let mode = settings.name(.paddingMode).flatMap(PaddingMode.init(named:)),
      let precision = settings.name(.precision).flatMap(Precision.init(named:)),
      let activation = settings.name(.activation).flatMap(Activation.named)
    else { return nil }
    if settings.isOn(.kernelFlipped) { kernel = kernel.flipped(0..<kernel.shape.count - 2) }
    let product = Windows(
      x: precision.rounded(x), kernel: precision.rounded(kernel), stride: stride,
      dilation: dilation, padding: padding, groups: Int(groups), mode: mode
    )?.product()
    return product?.shifted(operands[.bias]).map { precision.finished($0, activation) }
  }

  func fitted(
    _ inputs: [Tensor<Double>], _ settings: Settings, to shape: [Int]
  ) -> (inputs: [Tensor<Double>], settings: Settings)? {
    guard var x = inputs.first, x.shape.count == shape.count, x.width == shape.last,
      var padding = settings.pairs(.padding), settings.name(.paddingMode) == "zeros"
    else { return nil }
    for axis in padding.indices {
      var extra = x.shape[axis + 1] - shape[axis + 1]
      guard extra >= 0 else { return nil }
      while extra > 0, let end = x.zeroEnd(axis: axis + 1) {
        x = x.withoutEnd(axis: axis + 1, end)
        padding[axis][end == .first ? 0 : 1] += 1
        extra -= 1
      }
      guard extra == 0 else { return nil }
    }
    var changed = settings
    changed[.padding] = .pairs(padding)
    return ([x], changed)
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    guard let kernel = operands[.kernel], let x = inputs.first,
      let stride = settings.extents(.stride), let dilation = settings.extents(.dilation)
    else { return [:] }
    let rank = kernel.shape.count - 2
    let paddings = Padding.known(rank: rank, kernel: kernel.shape.prefix(rank)).compactMap {
      $0.amounts(x.shape[1...rank], kernel.shape[..<rank], stride, dilation)
    }
    let channels = x.width
    return [
      .padding: paddings.map { .pairs($0) },
      .stride: (1...3).map { .extents([Int](repeating: $0, count: rank)) },
      .dilation: (1...4).map { .extents([Int](repeating: $0, count: rank)) },
      .groups: (1...max(1, channels)).filter { channels % $0 == 0 }.map { .number(Double($0)) },
      .kernelFlipped: [.flag(true)],
      .paddingMode: PaddingMode.allCases.map { .name($0.rawValue) },
      .precision: Precision.all,
      .activation: Activation.all.map { .name($0.name) },
    ]
  }
}

/// Images of either framework as (items, …, channels).
enum ImageLayout {
  /// - Parameter rank: the rank of a batch of images; one image gets an axis of one item.
  static func canonical(_ x: Tensor<Double>, _ facts: LayerFacts, rank: Int) -> Tensor<Double> {
    guard x.shape.count >= rank - 1, rank >= 3 else { return x }
    let batch: Tensor<Double>
    if x.shape.count == rank {
      batch = x
    } else if x.shape.count == rank - 1 {
      batch = x.reshaped([1] + x.shape)
    } else {
      let extra = x.shape.count - rank + 1
      batch = x.reshaped([x.shape[..<extra].reduce(1, *)] + x.shape[extra...])
    }
    return facts.hasChannelsFirst ? batch.channelsLast : batch
  }
}
