import ReferenceLayers

/// The id, words and advice for a choice in which two layers differ.
enum SettingCause {
  static func id(
    _ setting: Setting, _ source: Settings, _ converted: Settings,
    _ definition: any LayerDefinition
  ) -> String {
    switch setting {
    case .activation:
      return Activation.causeID(
        source.name(.activation) ?? "", converted.name(.activation) ?? "")
    case .precision, .padding, .paddingMode, .dilation, .stride: return setting.rawValue
    case .groups where definition.id != "group_norm": return setting.rawValue
    case .heads: return "number_of_heads"
    case .axis where definition.id == "group_norm": return "group_norm_assignment"
    case .axis where definition.id == "layer_norm": return "layer_norm_axis"
    case .axis: return "softmax_axis"
    case .crop: return "transposed_convolution_padding"
    case .training: return "\(definition.id)_training"
    case .variance: return "\(definition.id)_variance"
    default: return "\(definition.id)_\(setting.rawValue)"
    }
  }

  static func text(_ setting: Setting, _ a: SettingValue?, _ b: SettingValue?) -> String {
    "\(words(setting)): \(a.map(\.description) ?? "none") in the source, "
      + "\(b.map(\.description) ?? "none") in the converted model"
  }

  private static func words(_ setting: Setting) -> String {
    switch setting {
    case .crop: "pixels before the output, and its extent"
    case .offset: "what is added to the scale"
    case .counting: "whether a mean counts the padding"
    case .training: "statistics of the batch instead of the running ones"
    case .cell: "kind of cell"
    case .mask: "mask"
    case .kernelFlipped: "kernel reversed along its spatial axes"
    case .resetAfter: "reset gate applied after the product"
    default: setting.rawValue.replacing("_", with: " ")
    }
  }

  /// What to change in the converted model, in its framework's words where there is an argument.
  static func fix(
    _ setting: Setting, _ source: Settings, _ definition: any LayerDefinition,
    _ framework: LayerFacts.Framework
  ) -> String {
    let value = source[setting]?.description ?? "none"
    let isTorch = framework == .torch
    switch setting {
    case .epsilon:
      return "build the \(definition.title) with \(isTorch ? "eps" : "epsilon")=\(value)"
    case .padding where isTorch:
      return fixTorchPadding(source.pairs(.padding) ?? [])
    case .crop where isTorch:
      let places = source.pairs(.crop) ?? []
      return "crop \(places.first?.first ?? 0) before the output (padding=) and keep "
        + "\(places.first?.last ?? 0) pixels: x[..., :\(places.first?.last ?? 0)]"
    case .training:
      return source.isOn(.training)
        ? "run the norm in training mode" : "call model.eval(), or use the running statistics"
    case .activation: return fixActivation(value, isTorch)
    case .precision: return "compute in float32: no autocast, no TF32, no half()"
    case .offset: return "use (weight + \(value)) as the scale"
    case .kernelFlipped: return "reverse the kernel along its spatial axes when converting"
    default: return "set \(words(setting)) to \(value)"
    }
  }

  private static func fixTorchPadding(_ pairs: [[Int]]) -> String {
    if pairs.allSatisfy({ $0.first == $0.last }) {
      return "give the convolution padding=(\(pairs.map { "\($0[0])" }.joined(separator: ", ")))"
    }
    // F.pad counts from the last axis.
    let amounts = pairs.reversed().flatMap(\.self).map(String.init).joined(separator: ", ")
    return "pad before the convolution, F.pad(x, (\(amounts))), and give it padding=0"
  }

  /// What to write for an activation of this name.
  static func fixActivation(_ name: String, _ isTorch: Bool) -> String {
    switch name {
    case "gelu_tanh":
      isTorch ? "use F.gelu(x, approximate=\"tanh\")" : "use nn.gelu(x, approximate=True)"
    case "gelu": isTorch ? "use F.gelu(x)" : "use nn.gelu(x, approximate=False)"
    default: "use \(name)"
    }
  }
}
