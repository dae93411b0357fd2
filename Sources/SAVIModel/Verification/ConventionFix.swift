import ReferenceLayers

extension SAViArchitecture {
  /// Whether anything here is computed by the convention: there is nothing to switch in a model without
  /// such layers.
  func has(_ convention: Convention) -> Bool {
    switch convention {
    case .groupNormEpsilon, .groupAssignment, .stemActivation:
      if case .residual = backbone { true } else { false }
    case .encoderActivation, .encoderNormOrder: transformer != nil
    case .transposedConvolutionPadding: decoder.contains(where: \.isTransposed)
    case .stridedConvolutionPadding: backbone.chain.contains { $0.stride > 1 }
    case .layerNormEpsilon, .flatteningOrder, .slotAttentionScale, .attentionScale,
      .predictorNormOrder:
      true
    }
  }

  /// What to change in the PyTorch module so that it computes what Flax does.
  func fix(for convention: Convention) -> String {
    switch convention {
    case .groupNormEpsilon: "build the group norms with eps=1e-6"
    case .stemActivation: "take the ReLU behind the stem's norm away: layer1 sees bn1's output"
    case .layerNormEpsilon: "build the layer norms with eps=1e-6"
    case .transposedConvolutionPadding: transposedFix
    case .stridedConvolutionPadding: stridedFix
    case .groupAssignment:
      "let every group be neighbouring channels, as torch.nn.GroupNorm does"
    case .encoderActivation: "apply a ReLU between transformer_dense and the first block"
    case .encoderNormOrder:
      "compute the encoder's blocks as x = x + attention(norm(x)), then x + mlp(norm(x))"
    case .flatteningOrder: "flatten the pixels rows first: x.flatten(1, 2) of (n, height, width, c)"
    case .slotAttentionScale:
      "divide the scores of slot attention by sqrt(\(attention)), the width of its queries"
    case .attentionScale: "divide the scores of self-attention by the root of one head's width"
    case .predictorNormOrder:
      "compute the predictor as y = norm(x + attention(x)), then norm(y + mlp(y))"
    }
  }

  private var transposedFix: String {
    guard let layer = decoder.first(where: \.isTransposed) else { return "" }
    let crop = FlaxConventions.crop(kernel: layer.kernelHeight, stride: layer.stride)
    let extra = layer.kernelHeight - layer.stride - 2 * crop
    let trim =
      extra > 0
      ? ", then drop the last \(extra == 1 ? "row and column" : "\(extra) rows and columns"): "
        + "x[..., :-\(extra), :-\(extra)]" : ""
    return "give the transposed convolutions padding=\(crop) and no output_padding" + trim
  }

  /// For the first strided convolution that is padded.
  private var stridedFix: String {
    var (extent, strided) = (frameHeight, (layer: ConvolutionLayer, extent: Int)?.none)
    for layer in backbone.chain {
      if strided == nil, layer.stride > 1, layer.portPadding > 0 { strided = (layer, extent) }
      extent = layer.outputExtent(extent)
    }
    guard let strided else { return "" }
    let (layer, n) = strided
    let before = FlaxConventions.padding(n: n, kernel: layer.kernelHeight, stride: layer.stride)
    let after = max(
      0, (layer.outputExtent(n) - 1) * layer.stride + layer.kernelHeight - n - before)
    return "pad before the strided convolution, F.pad(x, (\(before), \(after), \(before), "
      + "\(after))), and give it padding=0"
  }
}
