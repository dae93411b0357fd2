import CheckpointCore
public import CheckpointMapping
import ReferenceLayers

/// The sizes of a SAVi, read from a model document's module tree.
public struct SAViArchitecture: Sendable {
  /// A convolution or transposed convolution of a backbone.
  struct ConvolutionLayer: Sendable {
    let name: TensorName
    let isTransposed: Bool
    let kernelHeight: Int
    let kernelWidth: Int
    let inputs: Int
    let outputs: Int
    let stride: Int
    /// What PyTorch's module pads (a convolution) or crops (a transposed one).
    let portPadding: Int

    var size: KernelSize {
      KernelSize(
        height: kernelHeight, width: kernelWidth, inputs: inputs, outputs: outputs, stride: stride)
    }
  }

  public let name: String
  public let frameHeight: Int
  public let frameWidth: Int
  let encoder: [ConvolutionLayer]
  let decoder: [ConvolutionLayer]
  let featureHeight: Int
  let featureWidth: Int
  let encoderHidden: Int
  let gridHeight: Int
  let gridWidth: Int
  let slot: Int
  let attention: Int
  let heads: Int
  let predictorHidden: Int
  let initializerHidden: Int
  let targetChannels: Int
  /// The epsilon of each layer norm in PyTorch's module, by the module's path.
  let portEpsilons: [TensorName: Double]

  var encoderWidth: Int { encoder.last?.outputs ?? Clip.channels }
  var decoderWidth: Int { decoder.last?.outputs ?? slot }

  /// - Throws: `CheckpointError` where the document is not about a SAVi, or contradicts itself.
  public init(_ document: ModelDocument) throws {
    let tree = try DocumentTree(document)
    name = document.name
    (frameHeight, frameWidth) = (
      try tree.dimension("frame_height"), try tree.dimension("frame_width")
    )
    heads = try tree.dimension("heads")
    encoder = try tree.convolutions("encoder.backbone.cnn_layers")
    decoder = try tree.convolutions("decoder.backbone.cnn_layers")
    let features = try tree.parameter("encoder.pos_emb", "pos_embedding", rank: 4)
    (featureHeight, featureWidth) = (features[1], features[2])
    let grid = try tree.parameter("decoder.pos_emb", "pos_embedding", rank: 4)
    (gridHeight, gridWidth) = (grid[1], grid[2])
    let query = try tree.parameter("corrector", "w_q", rank: 3)
    (slot, attention) = (query[1], query[2])
    encoderHidden = try tree.linearOutputs("encoder.pos_emb.output_transform.model.dense_mlp_0")
    predictorHidden = try tree.linearOutputs("predictor.mlp.model.dense_mlp_0")
    initializerHidden = try tree.linearOutputs(
      "initializer.embedding_transform.model.dense_mlp_0")
    targetChannels = try tree.linearOutputs("decoder.target_readout.readout_modules.0")
    portEpsilons = try tree.epsilons([
      "encoder.pos_emb.output_transform.layernorm_module", "corrector.layernorm_input",
      "corrector.layernorm_q", "predictor.layernorm_query", "predictor.layernorm_mlp",
    ])
    try checkChain()
  }

  /// Layers that follow one another must fit: the forward pass relies on it.
  private func checkChain() throws {
    func refuse(_ what: String) -> CheckpointError {
      CheckpointError(
        entry: name, what, advice: "the forward pass runs SAVi models; see docs/verify.md")
    }
    guard !encoder.isEmpty, !decoder.isEmpty, heads > 0, slot % heads == 0, slot > 0,
      attention > 0, min(frameHeight, frameWidth, gridHeight, gridWidth) > 0
    else { throw refuse("an extent of the model is zero, or the heads do not divide the slots") }
    var (height, width, channels) = (frameHeight, frameWidth, Clip.channels)
    for layer in encoder {
      guard !layer.isTransposed, layer.inputs == channels else {
        throw refuse("\(layer.name) does not follow the layer before it")
      }
      height = (height + layer.stride - 1) / layer.stride
      width = (width + layer.stride - 1) / layer.stride
      channels = layer.outputs
    }
    guard (height, width) == (featureHeight, featureWidth) else {
      throw refuse(
        "the encoder gives \(height) x \(width) features, its position embedding has "
          + "\(featureHeight) x \(featureWidth)")
    }
    (height, width, channels) = (gridHeight, gridWidth, slot)
    for layer in decoder {
      guard layer.inputs == channels, layer.isTransposed || layer.stride == 1 else {
        throw refuse("\(layer.name) does not follow the layer before it")
      }
      (height, width, channels) = (height * layer.stride, width * layer.stride, layer.outputs)
      // Beyond the frame already: further products might not fit an integer.
      guard height <= frameHeight, width <= frameWidth else { break }
    }
    guard (height, width) == (frameHeight, frameWidth) else {
      throw refuse(
        "the decoder gives \(height) x \(width) pixels, the frame has "
          + "\(frameHeight) x \(frameWidth)")
    }
  }
}

/// The parts of a document's module tree, each asked for by its path.
private struct DocumentTree {
  let document: ModelDocument
  let root: TorchModule

  init(_ document: ModelDocument) throws {
    guard let root = document.modules else {
      throw CheckpointError(
        entry: document.name, "this document has a mapping but no module tree",
        advice: "the forward pass needs \"modules\" to know the model's sizes and strides")
    }
    self.document = document
    self.root = root
  }

  private func refuse(_ path: String, _ message: String) -> CheckpointError {
    CheckpointError(
      entry: path, "the model \(document.name) \(message)",
      advice: "the forward pass runs models with SAVi's module tree; see 'savi-ckpt describe'")
  }

  func dimension(_ name: String) throws -> Int {
    guard let dimension = document.dimensions.first(where: { $0.name == name }) else {
      throw refuse(name, "does not say this dimension")
    }
    return dimension.extent
  }

  private func module(_ path: String) throws -> TorchModule {
    guard let module = root.submodule(path) else { throw refuse(path, "has no such module") }
    return module
  }

  func parameter(_ path: String, _ name: String, rank: Int) throws -> [Int] {
    let parameter = try module(path).parameters.first { $0.name == name }
    guard let shape = parameter?.shape, shape.rank == rank else {
      throw refuse("\(path).\(name)", "has no parameter of rank \(rank) here")
    }
    return shape.dimensions
  }

  func linearOutputs(_ path: String) throws -> Int {
    guard case .linear(_, let outputs) = try module(path).layer else {
      throw refuse(path, "has no Linear here")
    }
    return outputs
  }

  func epsilons(_ paths: [TensorName]) throws -> [TensorName: Double] {
    var result: [TensorName: Double] = [:]
    for path in paths {
      guard case .layerNorm(_, let epsilon) = try module(path.text).layer else {
        throw refuse(path.text, "has no LayerNorm here")
      }
      result[path] = epsilon
    }
    return result
  }

  /// The convolutions among the children of the module at `path`.
  func convolutions(_ path: String) throws -> [SAViArchitecture.ConvolutionLayer] {
    try module(path).submodules.compactMap { name, module in
      switch module.layer {
      case .conv2d(let layer): try convolution("\(path).\(name)", layer, isTransposed: false)
      case .convTranspose2d(let layer):
        try convolution("\(path).\(name)", layer, isTransposed: true)
      case nil: nil
      default: throw refuse("\(path).\(name)", "has another layer than a convolution here")
      }
    }
  }

  private func convolution(
    _ name: TensorName, _ layer: TorchLayer.Convolution, isTransposed: Bool
  ) throws -> SAViArchitecture.ConvolutionLayer {
    let (kernel, strides) = (layer.kernelSize, layer.stride)
    guard kernel.count == 2, strides.count == 2, kernel.min() ?? 0 > 0,
      strides[0] == strides[1], strides[0] > 0
    else {
      throw refuse(name.text, "has a convolution that is not two-dimensional with one stride")
    }
    let padding: Int
    switch layer.padding {
    case .same where !isTransposed && strides[0] == 1 && kernel[0] == kernel[1]:
      padding = (kernel[0] - 1) / 2
    case .amounts(let amounts)
    where amounts.count == 2 && amounts[0] == amounts[1] && amounts[0] < kernel.min() ?? 0:
      padding = amounts[0]
    default: throw refuse(name.text, "has a padding that is neither SAME nor one below its kernel")
    }
    // PyTorch's output has stride·n pixels for an output_padding of this many, which must be below
    // the stride (torch/nn/modules/conv.py).
    let outputPadding = strides[0] - kernel[0] + 2 * padding
    guard !isTransposed || (0..<strides[0]).contains(outputPadding) else {
      throw refuse(
        name.text, "has a padding with which no output_padding gives \(strides[0])·n pixels")
    }
    return .init(
      name: name, isTransposed: isTransposed, kernelHeight: kernel[0], kernelWidth: kernel[1],
      inputs: layer.inChannels, outputs: layer.outChannels, stride: strides[0],
      portPadding: padding)
  }
}

extension SAViArchitecture {
  /// Multiplications and additions of the convolutions, as their definition has them: nearly all
  /// of a run's.
  public func convolutionOperations(frames: Int, slots: Int) -> Int {
    func operations(_ layers: [ConvolutionLayer], _ height: Int, _ width: Int) -> Int {
      var (pixels, total) = (height * width, 0)
      for layer in layers {
        let area = layer.stride * layer.stride
        if !layer.isTransposed { pixels = (pixels + area - 1) / area }
        total += 2 * pixels * layer.kernelHeight * layer.kernelWidth * layer.inputs * layer.outputs
        if layer.isTransposed { pixels *= area }
      }
      return total
    }
    return frames
      * (operations(encoder, frameHeight, frameWidth)
        + slots * operations(decoder, gridHeight, gridWidth))
  }
}
