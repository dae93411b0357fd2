import CheckpointCore

/// The PyTorch layers that a model document can name, with their parameters and the text that
/// `print(module)` shows between the parentheses.
///
/// Sources: torch/nn/modules/{conv,linear,normalization,rnn}.py, `extra_repr` and `__init__`.
package enum TorchLayer: Sendable, Equatable {
  package enum Padding: Sendable, Equatable {
    case same
    case amounts([Int])
  }

  package struct Convolution: Sendable, Equatable {
    package let inChannels: Int
    package let outChannels: Int
    package let kernelSize: [Int]
    package let stride: [Int]
    package let padding: Padding
    package let hasBias: Bool
  }

  case conv2d(Convolution)
  case convTranspose2d(Convolution)
  case linear(inFeatures: Int, outFeatures: Int)
  case layerNorm(normalizedShape: [Int], epsilon: Double)
  case groupNorm(groups: Int, channels: Int, epsilon: Double)
  case gruCell(inputSize: Int, hiddenSize: Int)

  /// The parameters in the order they are registered in.
  var parameters: [(name: String, shape: [Int])] {
    switch self {
    case .conv2d(let conv):
      [("weight", [conv.outChannels, conv.inChannels] + conv.kernelSize)] + bias(conv)
    case .convTranspose2d(let conv):
      [("weight", [conv.inChannels, conv.outChannels] + conv.kernelSize)] + bias(conv)
    case .linear(let inFeatures, let outFeatures):
      [("weight", [outFeatures, inFeatures]), ("bias", [outFeatures])]
    case .layerNorm(let shape, _): [("weight", shape), ("bias", shape)]
    case .groupNorm(_, let channels, _): [("weight", [channels]), ("bias", [channels])]
    case .gruCell(let input, let hidden):
      [
        ("weight_ih", [3 * hidden, input]), ("weight_hh", [3 * hidden, hidden]),
        ("bias_ih", [3 * hidden]), ("bias_hh", [3 * hidden]),
      ]
    }
  }

  private func bias(_ layer: Convolution) -> [(name: String, shape: [Int])] {
    layer.hasBias ? [("bias", [layer.outChannels])] : []
  }

  /// What `extra_repr()` returns.
  var extraRepresentation: String {
    switch self {
    case .conv2d(let conv), .convTranspose2d(let conv):
      "\(conv.inChannels), \(conv.outChannels), kernel_size=\(tuple(conv.kernelSize)), "
        + "stride=\(tuple(conv.stride))\(paddingText(conv.padding))"
        + (conv.hasBias ? "" : ", bias=False")
    case .linear(let inFeatures, let outFeatures):
      "in_features=\(inFeatures), out_features=\(outFeatures), bias=True"
    case .layerNorm(let shape, let epsilon):
      "\(tuple(shape)), eps=\(pythonRepresentation(epsilon)), elementwise_affine=True"
    case .groupNorm(let groups, let channels, let epsilon):
      "\(groups), \(channels), eps=\(pythonRepresentation(epsilon)), affine=True"
    case .gruCell(let input, let hidden): "\(input), \(hidden)"
    }
  }

  private func tuple(_ values: [Int]) -> String {
    values.count == 1
      ? "(\(values[0]),)" : "(\(values.map(String.init).joined(separator: ", ")))"
  }

  private func paddingText(_ padding: Padding) -> String {
    switch padding {
    case .same: ", padding=same"
    case .amounts(let amounts): amounts.allSatisfy { $0 == 0 } ? "" : ", padding=\(tuple(amounts))"
    }
  }

  /// Python's `repr` of a float differs from Swift's only in its exponents of one digit.
  private func pythonRepresentation(_ value: Double) -> String {
    let parts = value.description.split(separator: "e")
    guard parts.count == 2, let exponent = Int(parts[1]) else { return value.description }
    let mantissa = parts[0].hasSuffix(".0") ? parts[0].dropLast(2) : parts[0]
    let digits = String(abs(exponent))
    return "\(mantissa)e\(exponent < 0 ? "-" : "+")\(digits.count < 2 ? "0" : "")\(digits)"
  }
}
