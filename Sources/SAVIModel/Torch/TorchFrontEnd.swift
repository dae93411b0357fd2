import CheckpointCore
import ReferenceLayers

/// Builds the model from a state dict as the published PyTorch port names and lays it out, with the
/// port's conventions or Flax's: weights are (out, in), OIHW and, transposed, IOHW; the GRU's gates
/// and the heads' projections are packed.
///
/// Sources: torch/nn/modules/{linear,conv,rnn,normalization}.py.
struct TorchFrontEnd<Scalar: ModelScalar> {
  let architecture: SAViArchitecture
  let conventions: Conventions
  let read: ParameterReader

  func model() throws -> SAVi<Scalar> {
    SAVi(
      encoder: try encoder(), initializer: try initializer(), corrector: try corrector(),
      predictor: try block(architecture.predictor, .predictorNormOrder),
      decoder: try decoder())
  }

  /// A Linear: weight (out, in), bias (out).
  private func linear(_ path: TensorName, _ inputs: Int, _ outputs: Int) throws -> Dense<Scalar> {
    Dense(
      "\(path)", try read("\(path).weight", [outputs, inputs]), .outputsInputs, inputs: inputs,
      outputs: outputs, bias: try read("\(path).bias", [outputs]))
  }

  private func mlp(
    _ path: TensorName, _ inputs: Int, _ hidden: Int, _ outputs: Int
  ) throws -> MLP<Scalar> {
    MLP(
      first: try linear("\(path).model.dense_mlp_0", inputs, hidden),
      second: try linear("\(path).model.dense_mlp_1", hidden, outputs))
  }

  private func norm(_ path: TensorName, _ width: Int) throws -> LayerNorm<Scalar> {
    let usesFlax = conventions.usesFlax(.layerNormEpsilon)
    return LayerNorm(
      path: path, scale: try read("\(path).weight", [width]),
      bias: try read("\(path).bias", [width]),
      epsilon: usesFlax
        ? FlaxConventions.layerNormEpsilon
        : architecture.portEpsilons[path] ?? FlaxConventions.layerNormEpsilon)
  }

  private func positions(
    _ path: TensorName, height: Int, width: Int, channels: Int
  ) throws -> PositionEmbedding<Scalar> {
    PositionEmbedding(
      grid: Tensor([height * width, 2], try read("\(path).pos_embedding", [1, height, width, 2])),
      projection: try linear("\(path).project_add_dense", 2, channels))
  }

  private func encoder() throws -> FrameEncoder<Scalar> {
    let a = architecture
    return FrameEncoder(
      backbone: try backbone(),
      positionEmbedding: try positions(
        "encoder.pos_emb", height: a.featureHeight, width: a.featureWidth,
        channels: a.backboneWidth),
      norm: try norm("encoder.pos_emb.output_transform.layernorm_module", a.backboneWidth),
      mlp: try mlp(
        "encoder.pos_emb.output_transform", a.backboneWidth, a.encoderHidden, a.backboneWidth),
      transformer: try a.transformer.map { transformer in
        FrameEncoder.Transformer(
          dense: try linear(EncoderTransformer.dense, a.backboneWidth, transformer.width),
          isRectified: conventions.usesFlax(.encoderActivation),
          blocks: try transformer.blocks.map { try block($0, .encoderNormOrder) })
      }, flattensColumnsFirst: !conventions.usesFlax(.flatteningOrder))
  }

  private func backbone() throws -> FrameEncoder<Scalar>.Backbone {
    let a = architecture
    var (height, width) = (a.frameHeight, a.frameWidth)
    switch a.backbone {
    case .convolutions(let layers):
      return .convolutions(
        try layers.map { layer in
          let built = try convolution(layer, height, width, isRectified: true)
          (height, width) = (built.outputExtent(height), built.outputExtent(width))
          return built
        })
    case .residual(let network): return .residual(try residual(network))
    }
  }

  private func residual(_ network: ResidualNetwork) throws -> ResNet<Scalar> {
    var (height, width) = (architecture.frameHeight, architecture.frameWidth)
    func layer(
      _ convolution: ConvolutionLayer, _ norm: GroupNormLayer
    ) throws -> ResNet<Scalar>.Layer {
      ResNet.Layer(
        convolution: try self.convolution(convolution, height, width, isRectified: false),
        norm: try groupNorm(norm))
    }
    let stem = try layer(network.stem, network.stemNorm)
    (height, width) = (network.stem.outputExtent(height), network.stem.outputExtent(width))
    let stages = try network.stages.map { blocks in
      try blocks.map { block in
        let shortcut = try block.shortcut.map { try layer($0.convolution, $0.norm) }
        let first = try layer(block.first, block.firstNorm)
        (height, width) = (block.first.outputExtent(height), block.first.outputExtent(width))
        let second = try layer(block.second, block.secondNorm)
        (height, width) = (block.second.outputExtent(height), block.second.outputExtent(width))
        return ResNet.Block(first: first, second: second, shortcut: shortcut)
      }
    }
    return ResNet(
      stem: stem,
      rectifiesStem: !conventions.usesFlax(.stemActivation) && network.portRectifiesStem,
      stages: stages)
  }

  private func groupNorm(_ layer: GroupNormLayer) throws -> GroupNorm<Scalar> {
    GroupNorm(
      path: layer.path, scale: try read("\(layer.path).weight", [layer.channels]),
      bias: try read("\(layer.path).bias", [layer.channels]), groups: layer.groups,
      epsilon: conventions.usesFlax(.groupNormEpsilon)
        ? FlaxConventions.groupNormEpsilon : layer.portEpsilon,
      assignment: conventions.usesFlax(.groupAssignment) ? .neighbours : .strided)
  }

  /// - Parameter order: the convention that tells where the norms stand.
  private func block(
    _ shape: TransformerShape, _ order: Convention
  ) throws -> TransformerBlock<Scalar> {
    TransformerBlock(
      path: shape.path,
      attention: try TorchSelfAttention(
        read, shape.path, width: shape.width, heads: shape.heads, perHead: shape.perHead),
      scaledWidth: conventions.usesFlax(.attentionScale)
        ? shape.perHead : shape.heads * shape.perHead,
      attentionNorm: try norm(shape.norms[0], shape.width),
      mlp: try mlp("\(shape.path).mlp", shape.width, shape.hidden, shape.width),
      mlpNorm: try norm(shape.norms[1], shape.width),
      isPreNorm: conventions.usesFlax(order) ? shape.isPreNorm : !shape.isPreNorm)
  }

  /// A Conv2d over an image of that size: weight (out, in, height, width).
  private func convolution(
    _ layer: ConvolutionLayer, _ height: Int, _ width: Int, isRectified: Bool
  ) throws -> Convolution<Scalar> {
    let usesFlax = layer.stride > 1 && conventions.usesFlax(.stridedConvolutionPadding)
    func padding(_ n: Int, _ kernel: Int) -> Int {
      usesFlax
        ? FlaxConventions.padding(n: n, kernel: kernel, stride: layer.stride) : layer.portPadding
    }
    let weight: [Scalar] = try read(
      "\(layer.name).weight",
      [layer.outputs, layer.inputs, layer.kernelHeight, layer.kernelWidth])
    return Convolution(
      path: layer.name,
      kernel: tapMatrices(layer) { tap, input, output, taps in
        weight[(output * layer.inputs + input) * taps + tap]
      },
      bias: layer.hasBias
        ? try read("\(layer.name).bias", [layer.outputs])
        : [Scalar](repeating: 0, count: layer.outputs),
      size: layer.size,
      padding: .init(
        top: padding(height, layer.kernelHeight), left: padding(width, layer.kernelWidth)),
      isRectified: isRectified)
  }

  /// The kernel as one (inputs, outputs) matrix per tap, the taps row by row.
  private func tapMatrices(
    _ layer: ConvolutionLayer,
    _ weight: (_ tap: Int, _ input: Int, _ output: Int, _ taps: Int) -> Scalar
  ) -> [Scalar] {
    let taps = layer.kernelHeight * layer.kernelWidth
    var result: [Scalar] = []
    result.reserveCapacity(taps * layer.inputs * layer.outputs)
    for tap in 0..<taps {
      for input in 0..<layer.inputs {
        for output in 0..<layer.outputs { result.append(weight(tap, input, output, taps)) }
      }
    }
    return result
  }

  /// A ConvTranspose2d: weight (in, out, height, width), laid down at every input pixel. The
  /// module's `padding` crops as many pixels.
  private func transposed(
    _ layer: ConvolutionLayer
  ) throws -> TransposedConvolution<Scalar> {
    let usesFlax = conventions.usesFlax(.transposedConvolutionPadding)
    let weight: [Scalar] = try read(
      "\(layer.name).weight",
      [layer.inputs, layer.outputs, layer.kernelHeight, layer.kernelWidth])
    return TransposedConvolution(
      path: layer.name,
      kernel: tapMatrices(layer) { tap, input, output, taps in
        weight[(input * layer.outputs + output) * taps + tap]
      },
      bias: try read("\(layer.name).bias", [layer.outputs]), size: layer.size,
      crop: usesFlax
        ? FlaxConventions.crop(kernel: layer.kernelHeight, stride: layer.stride)
        : layer.portPadding)
  }

  private func initializer() throws -> StateInit<Scalar> {
    StateInit(
      mlp: try mlp(
        "initializer.embedding_transform", Clip.boxCoordinates, architecture.initializerHidden,
        architecture.slot))
  }

  private func corrector() throws -> SlotAttention<Scalar> {
    let a = architecture
    /// A parameter (heads, in, features), with one head.
    func projection(_ name: String, _ inputs: Int) throws -> Dense<Scalar> {
      Dense(
        "corrector.\(name)", try read("corrector.\(name)", [1, inputs, a.attention]),
        .inputsOutputs, inputs: inputs,
        outputs: a.attention)
    }
    return SlotAttention(
      inputNorm: try norm("corrector.layernorm_input", a.encoderWidth),
      slotNorm: try norm("corrector.layernorm_q", a.slot),
      query: try projection("w_q", a.slot), key: try projection("w_k", a.encoderWidth),
      value: try projection("w_v", a.encoderWidth),
      cell: try TorchGRUCell("corrector.gru", read, inputs: a.attention, hidden: a.slot),
      scaledWidth: conventions.usesFlax(.slotAttentionScale) ? a.attention : a.slot)
  }

  private func decoder() throws -> SpatialBroadcastDecoder<Scalar> {
    let a = architecture
    var (height, width) = (a.gridHeight, a.gridWidth)
    let backbone = try a.decoder.map { layer in
      let built: SpatialBroadcastDecoder<Scalar>.Layer =
        layer.isTransposed
        ? .transposed(try transposed(layer))
        : .convolution(try convolution(layer, height, width, isRectified: true))
      (height, width) = (built.outputExtent(height), built.outputExtent(width))
      return built
    }
    return SpatialBroadcastDecoder(
      backbone: backbone, gridHeight: a.gridHeight, gridWidth: a.gridWidth,
      positionEmbedding: try positions(
        "decoder.pos_emb", height: a.gridHeight, width: a.gridWidth, channels: a.slot),
      readouts: try a.readouts.map { readout in
        (readout.target, try linear(readout.path, a.decoderWidth, readout.outputs))
      }, mask: try linear("decoder.mask_pred", a.decoderWidth, 1),
      mixesBeforeReadout: a.mixesBeforeReadout)
  }
}
