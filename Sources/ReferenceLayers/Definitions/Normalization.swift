import CheckpointCore

extension LayerFacts {
  /// The small number that keeps a norm from dividing by zero.
  var epsilon: Double? {
    number("eps", "epsilon", "variance_epsilon", "layer_norm_eps", "layer_norm_epsilon")
  }

  /// The epsilon of a module that does not say its own: the framework's default.
  func epsilonOrDefault(torch: Double, flax: Double, keras: Double) -> Double {
    if let epsilon { return epsilon }
    return switch framework {
    case .torch: torch
    case .keras: keras
    default: flax
    }
  }
}

/// The epsilons that modules are built with: of Flax, PyTorch, Keras and the published models.
enum NormEpsilons {
  static let all: [SettingValue] = [1e-5, 1e-6, 1e-3, 1e-12, 1e-8, 1e-7, 1e-4, 0, 1e-2]
    .map { .number($0) }
}

/// The scale and bias of a norm, under any framework's names.
func affine(_ read: (String) -> Tensor<Double>?) -> Operands {
  var operands: Operands = [:]
  if let scale = read("weight") ?? read("scale") ?? read("gamma") {
    operands[.scale] = scale.reshaped([scale.values.count])
  }
  if let bias = read("bias") ?? read("beta") {
    operands[.bias] = bias.reshaped([bias.values.count])
  }
  return operands
}

extension Tensor<Double> {
  /// Every row divided by its standard deviation, and before that centred; without centring, by its
  /// root mean square.
  package func normalizedRows(epsilon: Double, isBiased: Bool, centres: Bool) -> Tensor {
    var result = self
    for row in 0..<rows {
      let range = row * width..<(row + 1) * width
      let mean = centres ? values[range].reduce(0, +) / Double(width) : 0
      let squares = values[range].reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let divisor = Double(isBiased ? width : Swift.max(1, width - 1))
      let factor = 1 / (squares / divisor + epsilon).squareRoot()
      for index in range { result.values[index] = (values[index] - mean) * factor }
    }
    return result
  }

  /// Every row times (scale + offset), plus bias; `nil` where they have another width.
  func scaledAndShifted(_ operands: Operands, offset: Double) -> Tensor? {
    var result = self
    if let scale = operands[.scale]?.values {
      guard scale.count == width else { return nil }
      for index in values.indices { result.values[index] *= scale[index % width] + offset }
    }
    return result.shifted(operands[.bias])
  }
}
