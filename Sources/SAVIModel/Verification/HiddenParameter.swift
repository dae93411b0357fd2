package import CheckpointCore

/// Parameters that the model's output does not depend on, or not enough: two models that differ
/// only in these behave the same, so they are compared as tensors.
package enum HiddenParameter: Sendable, Equatable {
  /// Moves every slot's score of a pixel alike, which the softmax over the slots takes away.
  case slotNormBias
  /// Moves every key's score alike, which the softmax over the keys takes away: of the block of
  /// self-attention at that path.
  case keyBias(TensorName)
  /// Moves every slot's logit alike: only alpha_logits sees it.
  case maskBias
  /// The reset and update gates add their two biases.
  case gateBiasSplit

  static func all(_ architecture: SAViArchitecture) -> [HiddenParameter] {
    [.slotNormBias] + architecture.transformerBlocks.map { .keyBias($0.path) }
      + [.maskBias, .gateBiasSplit]
  }

  /// How a report calls it.
  package var name: String {
    switch self {
    case .slotNormBias: "corrector.layernorm_q.bias"
    case .keyBias(let block): "\(block).w_qkv.bias (key)"
    case .maskBias: "decoder.mask_pred.bias"
    case .gateBiasSplit: "corrector.gru.bias_ih and bias_hh (reset and update)"
    }
  }

  /// The tensors it is about, and which of their elements.
  func parts(_ architecture: SAViArchitecture) -> [(tensor: TensorName, elements: [Int])] {
    let slot = architecture.slot
    switch self {
    case .slotNormBias: return [("corrector.layernorm_q.bias", Array(0..<slot))]
    case .maskBias: return [("decoder.mask_pred.bias", [0])]
    case .gateBiasSplit:
      return ["bias_ih", "bias_hh"].map { ("corrector.gru.\($0)", Array(0..<2 * slot)) }
    case .keyBias(let path):
      let keys = architecture.transformerBlocks.filter { $0.path == path }.flatMap { block in
        (0..<block.heads).flatMap { head -> [Int] in
          let start = (3 * head + 1) * block.perHead
          return Array(start..<start + block.perHead)
        }
      }
      return [("\(path).w_qkv.bias", keys)]
    }
  }
}

/// How a hidden parameter of two models differs.
package struct HiddenComparison: Sendable {
  package let parameter: HiddenParameter
  /// The largest |a - b|; NaN where an element is NaN.
  package let maximum: Double
  package let agrees: Bool

  static func compare(
    _ model: ReferenceModel, with reference: ReferenceModel, _ tolerance: Tolerance
  ) throws -> [HiddenComparison] {
    try HiddenParameter.all(model.architecture).map { parameter in
      var (maximum, agrees) = (0.0, true)
      for (tensor, elements) in parameter.parts(model.architecture) {
        let (a, b) = (try model.torchParameter(tensor), try reference.torchParameter(tensor))
        for index in elements {
          let difference = (a[index] - b[index]).magnitude
          maximum = difference.isNaN || maximum.isNaN ? .nan : max(maximum, difference)
          if !tolerance.admits(a[index], b[index]) { agrees = false }
        }
      }
      return HiddenComparison(parameter: parameter, maximum: maximum, agrees: agrees)
    }
  }
}
