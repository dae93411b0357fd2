import CheckpointCore

extension SAViArchitecture {
  /// Layers that follow one another must fit: the forward pass relies on it.
  func checkChain() throws {
    guard
      min(frameHeight, frameWidth, gridHeight, gridWidth, slot, attention, encoderWidth) > 0,
      !backbone.chain.isEmpty, !decoder.isEmpty
    else { throw refuse("an extent of the model is zero") }
    guard predictor.width == slot else {
      throw refuse("the predictor's width is \(predictor.width), the slots' \(slot)")
    }
    try checkBackbone()
    try checkDecoder()
  }

  private func refuse(_ what: String) -> CheckpointError {
    CheckpointError(
      entry: TensorName(name), what,
      advice: "the forward pass runs SAVi models; see docs/verify.md")
  }

  private func checkBackbone() throws {
    var image = ImageShape(height: frameHeight, width: frameWidth, channels: Clip.channels)
    switch backbone {
    case .convolutions(let layers):
      for layer in layers { image = try followed(image, by: layer) }
    case .residual(let network):
      image = try followed(image, by: network.stem, network.stemNorm)
      for block in network.stages.joined() {
        let inner = try followed(image, by: block.first, block.firstNorm)
        let result = try followed(inner, by: block.second, block.secondNorm)
        let shortcut = try block.shortcut.map {
          try followed(image, by: $0.convolution, $0.norm)
        }
        guard shortcut ?? image == result else {
          throw refuse("the shortcut around \(block.second.name) gives another shape than it")
        }
        image = result
      }
    }
    guard (image.height, image.width) == (featureHeight, featureWidth) else {
      throw refuse(
        "the encoder gives \(image.height) x \(image.width) features, its position embedding has "
          + "\(featureHeight) x \(featureWidth)")
    }
  }

  private func checkDecoder() throws {
    var image = ImageShape(height: gridHeight, width: gridWidth, channels: slot)
    for layer in decoder {
      guard layer.hasBias, layer.isTransposed || layer.stride == 1 else {
        throw refuse("\(layer.name) is no layer of a SAVi's decoder")
      }
      image = try followed(image, by: layer, mayGrow: true)
      // Beyond the frame already: further products might not fit an integer.
      guard image.height <= frameHeight, image.width <= frameWidth else { break }
    }
    guard (image.height, image.width) == (frameHeight, frameWidth) else {
      throw refuse(
        "the decoder gives \(image.height) x \(image.width) pixels, the frame has "
          + "\(frameHeight) x \(frameWidth)")
    }
  }

  private struct ImageShape: Equatable {
    var height: Int
    var width: Int
    var channels: Int
  }

  /// The shape behind a layer, and its norm, that see an image of this shape.
  private func followed(
    _ image: ImageShape, by layer: ConvolutionLayer, _ norm: GroupNormLayer? = nil,
    mayGrow: Bool = false
  ) throws -> ImageShape {
    guard layer.inputs == image.channels, layer.outputs > 0, mayGrow || !layer.isTransposed,
      norm.map({ $0.channels == layer.outputs }) ?? true
    else { throw refuse("\(layer.name) does not follow the layer before it") }
    return ImageShape(
      height: layer.outputExtent(image.height), width: layer.outputExtent(image.width),
      channels: layer.outputs)
  }
}

extension SAViArchitecture {
  /// Multiplications and additions of the convolutions, as their definition has them: nearly all
  /// of a run's.
  package func convolutionOperations(frames: Int, slots: Int) -> Int {
    let decoded = Self.operations(decoder, gridHeight, gridWidth)
    return frames * (encoderOperations + slots * decoded)
  }

  private var encoderOperations: Int {
    let chain = Self.operations(backbone.chain, frameHeight, frameWidth)
    guard case .residual(let network) = backbone else { return chain }
    var (height, width, total) = (frameHeight, frameWidth, chain)
    for block in network.stages.joined() {
      if let shortcut = block.shortcut {
        total += Self.operations([shortcut.convolution], height, width)
      }
      (height, width) = (block.first.outputExtent(height), block.first.outputExtent(width))
    }
    return total
  }

  private static func operations(_ layers: [ConvolutionLayer], _ height: Int, _ width: Int) -> Int {
    var (height, width, total) = (height, width, 0)
    for layer in layers {
      let source = height * width
      (height, width) = (layer.outputExtent(height), layer.outputExtent(width))
      let pixels = layer.isTransposed ? source : height * width
      total += 2 * pixels * layer.kernelHeight * layer.kernelWidth * layer.inputs * layer.outputs
    }
    return total
  }
}
