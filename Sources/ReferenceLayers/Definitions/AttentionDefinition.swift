import CheckpointCore

/// Multi-head attention with its projections (Vaswani et al., arXiv:1706.03762):
/// softmax(q·kᵀ · scale + mask)·v in every head, the heads side by side into one more projection.
///
/// Kernels are (inputs, heads · width). PyTorch packs three projections into one, Flax has a layer for
/// each with the heads as an axis. A boolean mask says True for what is seen in Flax, for what is not
/// in PyTorch; here it is a number that is added.
struct AttentionDefinition: LayerDefinition {
  let id = "attention"
  let title = "attention"
  let isComposite = true

  func describes(_ facts: LayerFacts) -> Bool {
    facts.isNamed([
      "MultiheadAttention", "MultiHeadDotProductAttention", "MultiHeadAttention", "SelfAttention",
    ])
  }

  func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands? {
    facts.framework == .torch ? torchOperands(read) : flaxOperands(read)
  }

  private func torchOperands(_ read: (String) -> Tensor<Double>?) -> Operands? {
    guard let packed = read("in_proj_weight"), let out = read("out_proj.weight"),
      packed.shape.count == 2, packed.shape[0] % 3 == 0
    else { return nil }
    let kernel = packed.transposed  // (inputs, 3 · width)
    let width = kernel.width / 3
    var operands: Operands = [.outputKernel: out.transposed]
    let bias = read("in_proj_bias")
    let kernels: [Operand] = [.queryKernel, .keyKernel, .valueKernel]
    let biases: [Operand] = [.queryBias, .keyBias, .valueBias]
    for part in 0..<3 {
      let columns = part * width..<(part + 1) * width
      operands[kernels[part]] = kernel.columns(columns)
      operands[biases[part]] = bias.map { Tensor([width], Array($0.values[columns])) }
    }
    operands[.outputBias] = read("out_proj.bias")
    return operands
  }

  private func flaxOperands(_ read: (String) -> Tensor<Double>?) -> Operands? {
    let parts: [(name: String, kernel: Operand, bias: Operand)] = [
      ("query", .queryKernel, .queryBias), ("key", .keyKernel, .keyBias),
      ("value", .valueKernel, .valueBias),
    ]
    var operands: Operands = [:]
    for part in parts {
      guard let kernel = read("\(part.name)/kernel"), let inputs = kernel.shape.first else {
        return nil
      }
      operands[part.kernel] = kernel.reshaped([inputs, kernel.values.count / max(1, inputs)])
      operands[part.bias] = read("\(part.name)/bias").map { $0.reshaped([$0.values.count]) }
    }
    guard let out = read("out/kernel") else { return nil }
    operands[.outputKernel] = out.reshaped([out.rows, out.width])
    operands[.outputBias] = read("out/bias")
    return operands
  }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    guard let heads = facts.number("num_heads"), let kernel = operands[.queryKernel], heads > 0
    else { return nil }
    return [
      .heads: .number(heads), .scale: .number(1 / (Double(kernel.width) / heads).squareRoot()),
      .axis: .name("keys"), .mask: .name("given"),
    ]
  }

  func inputs(_ facts: LayerFacts, _ tensors: [NamedTensor]) -> [Tensor<Double>] {
    let masks = tensors.filter { $0.name.contains("mask") }
    let sequences = tensors.filter { !$0.name.contains("mask") }.map {
      itemsFirst($0.tensor, facts)
    }
    guard let query = sequences.first else { return [] }
    let key = sequences.count > 1 ? sequences[1] : query
    let value = sequences.count > 2 ? sequences[2] : key
    return [query, key, value] + masks.compactMap { added($0, facts) }.prefix(1)
  }

  func output(_ facts: LayerFacts, _ tensors: [NamedTensor]) -> Tensor<Double>? {
    tensors.first.map { itemsFirst($0.tensor, facts) }
  }

  private func itemsFirst(_ x: Tensor<Double>, _ facts: LayerFacts) -> Tensor<Double> {
    guard x.shape.count == 3 else {
      return x.reshaped([x.shape.dropLast(2).reduce(1, *)] + x.shape.suffix(2))
    }
    let isFirst = facts.framework != .torch || facts.flag("batch_first") == true
    return isFirst ? x : x.permuted([1, 0, 2])
  }

  /// A mask as numbers to be added, (items or 1, heads or 1, queries or 1, keys).
  private func added(_ mask: NamedTensor, _ facts: LayerFacts) -> Tensor<Double>? {
    let isBoolean = mask.tensor.values.allSatisfy { $0 == 0 || $0 == 1 }
    let seen = facts.framework == .torch ? 0.0 : 1.0
    let values =
      isBoolean
      ? mask.tensor.values.map { $0 == seen ? 0 : -.infinity } : mask.tensor.values
    let shape = mask.tensor.shape
    if mask.name.contains("key_padding") {
      return shape.count == 2 ? Tensor([shape[0], 1, 1, shape[1]], values) : nil
    }
    return switch shape.count {
    case 2: Tensor([1, 1] + shape, values)
    case 4: Tensor(shape, values)
    default: nil
    }
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard inputs.count >= 3, let heads = settings.number(.heads).map({ Int($0) }),
      let scale = settings.number(.scale), let axis = settings.name(.axis),
      let q = project(inputs[0], operands[.queryKernel], operands[.queryBias]),
      let k = project(inputs[1], operands[.keyKernel], operands[.keyBias]),
      let v = project(inputs[2], operands[.valueKernel], operands[.valueBias])
    else { return nil }
    var mask = inputs.count > 3 ? inputs[3] : nil
    switch settings.name(.mask) {
    case "none": mask = nil
    case "inverted": mask = mask.map { $0.mappingMask() }
    case "causal": mask = Tensor.causalMask(queries: q.shape[1], keys: k.shape[1])
    default: break
    }
    let attention = DotProductAttention(heads: heads, scale: scale, axis: axis, mask: mask)
    return attention(q, k, v).flatMap {
      project($0, operands[.outputKernel], operands[.outputBias])
    }
  }

  private func project(
    _ x: Tensor<Double>, _ kernel: Tensor<Double>?, _ bias: Tensor<Double>?
  ) -> Tensor<Double>? {
    guard let kernel, x.width == kernel.shape[0] else { return nil }
    return x.times(kernel).reshaped(x.shape.dropLast() + [kernel.width]).shifted(bias)
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    guard let width = operands[.queryKernel]?.width else { return [:] }
    return [
      .heads: (1...width).filter { width % $0 == 0 }.map { .number(Double($0)) },
      .scale: [1, 1 / Double(width).squareRoot()].map { .number($0) },
      .axis: [.name("queries")], .mask: ["none", "inverted", "causal"].map { .name($0) },
    ]
  }
}
