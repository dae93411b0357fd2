import CheckpointCore

/// A module that is a function of every element, or softmax along an axis.
struct ActivationDefinition: LayerDefinition {
  let id = "activation"
  let title = "activation"

  private static let names: [String: String] = [
    "ReLU": "relu", "GELU": "gelu", "GELUActivation": "gelu", "NewGELUActivation": "gelu_tanh",
    "PytorchGELUTanh": "gelu_tanh", "FastGELUActivation": "gelu_tanh", "GELUTanh": "gelu_tanh",
    "QuickGELUActivation": "quick_gelu", "SiLU": "silu", "Swish": "silu", "SiLUActivation": "silu",
    "Tanh": "tanh", "Sigmoid": "sigmoid", "ReLU6": "relu6", "ELU": "elu", "SELU": "selu",
    "Softplus": "softplus", "Mish": "mish", "Hardswish": "hard_swish",
    "Hardsigmoid": "hard_sigmoid", "Softsign": "softsign", "LeakyReLU": "leaky_relu",
    "Identity": "identity", "Softmax": "softmax", "Dropout": "identity",
  ]

  private func name(_ facts: LayerFacts) -> String? {
    facts.classNames.lazy.compactMap { Self.names[$0] }.first
  }

  func describes(_ facts: LayerFacts) -> Bool { facts.parameters.isEmpty && name(facts) != nil }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    guard var name = name(facts), let x = inputs.first else { return nil }
    if name == "softmax" {
      let axis = Int(facts.number("dim", "axis") ?? -1)
      return [
        .activation: .name(name), .axis: .number(Double(axis < 0 ? axis + x.shape.count : axis)),
      ]
    }
    if facts.classNames.contains("Dropout"), facts.isTraining { return nil }
    if name == "gelu", facts.text("approximate") == "tanh" || facts.flag("approximate") == true {
      name = "gelu_tanh"
    }
    if name == "leaky_relu" {
      name += "(\(facts.number("negative_slope", "alpha") ?? 0.01))"
    }
    return [.activation: .name(name)]
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard let x = inputs.first, let name = settings.name(.activation) else { return nil }
    if let axis = settings.number(.axis) { return x.softmax(axis: Int(axis)) }
    return Activation.named(name).map { x.applying($0) }
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    guard settings[.axis] == nil else {
      return [.axis: (0..<(inputs.first?.shape.count ?? 0)).map { .number(Double($0)) }]
    }
    return [.activation: Activation.all.map { .name($0.name) }]
  }
}

extension Tensor<Double> {
  package func applying(_ activation: Activation) -> Tensor {
    Tensor(shape, values.map(activation.value))
  }

  /// Softmax along one axis; `nil` where there is no such axis.
  package func softmax(axis: Int) -> Tensor? {
    guard shape.indices.contains(axis) else { return nil }
    let last = shape.count - 1
    var order = Array(shape.indices)
    order.swapAt(axis, last)
    let moved = permuted(order)
    let rows = Tensor([moved.rows, moved.width], moved.values).softmaxOverColumns()
    return Tensor(moved.shape, rows.values).permuted(order)
  }
}
