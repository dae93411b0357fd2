import CheckpointCore
import ReferenceLayers

/// Builds the model from parameters as Flax names and lays them out, with Flax's conventions:
/// kernels are HWIO and (in, out), DenseGeneral keeps its heads as axes, the GRU's gates are layers
/// of their own, SAME padding puts the larger half last.
///
/// Sources: flax/linen/linear.py, attention.py, recurrent.py, normalization.py; the names are those
/// of Google Research's slot-attention-video.
struct FlaxFrontEnd<Scalar: ModelScalar> {
  let architecture: SAViArchitecture
  let read: ParameterReader

  func model() throws -> SAVi<Scalar> {
    SAVi(
      encoder: try encoder(), initializer: try initializer(), corrector: try corrector(),
      predictor: try block(architecture.predictor, "TransformerBlock_0"),
      decoder: try decoder())
  }

  /// A Dense: kernel (in, out), bias (out).
  private func dense(
    _ name: TensorName, _ path: TensorName, _ inputs: Int, _ outputs: Int
  ) throws -> Dense<Scalar> {
    Dense(
      name, try read("\(path)/kernel", [inputs, outputs]), .inputsOutputs, inputs: inputs,
      outputs: outputs, bias: try read("\(path)/bias", [outputs]))
  }

  private func mlp(
    _ name: TensorName, _ path: TensorName, _ inputs: Int, _ hidden: Int, _ outputs: Int
  ) throws -> MLP<Scalar> {
    MLP(
      first: try dense("\(name).model.dense_mlp_0", "\(path)/dense_mlp_0", inputs, hidden),
      second: try dense("\(name).model.dense_mlp_1", "\(path)/dense_mlp_1", hidden, outputs))
  }

  private func norm(_ name: TensorName, _ path: TensorName, _ width: Int) throws -> LayerNorm<
    Scalar
  > {
    LayerNorm(
      path: name, scale: try read("\(path)/scale", [width]),
      bias: try read("\(path)/bias", [width]), epsilon: FlaxConventions.layerNormEpsilon)
  }

  private func positions(
    _ name: TensorName, _ path: TensorName, height: Int, width: Int, channels: Int
  ) throws -> PositionEmbedding<Scalar> {
    PositionEmbedding(
      grid: Tensor([height * width, 2], try read("\(path)/pos_embedding", [1, height, width, 2])),
      projection: try dense("\(name).project_add_dense", "\(path)/dense_pe_0", 2, channels))
  }

  private func encoder() throws -> FrameEncoder<Scalar> {
    let (a, path): (_, TensorName) = (architecture, "FrameEncoder_0")
    return FrameEncoder(
      backbone: try backbone(path),
      positionEmbedding: try positions(
        "encoder.pos_emb", "\(path)/PositionEmbedding_0", height: a.featureHeight,
        width: a.featureWidth, channels: a.backboneWidth),
      norm: try norm(
        "encoder.pos_emb.output_transform.layernorm_module",
        "\(path)/PositionEmbedding_0/MLP_0/LayerNorm_0", a.backboneWidth),
      mlp: try mlp(
        "encoder.pos_emb.output_transform", "\(path)/PositionEmbedding_0/MLP_0", a.backboneWidth,
        a.encoderHidden, a.backboneWidth),
      transformer: try a.transformer.map { transformer in
        FrameEncoder.Transformer(
          dense: try dense(
            EncoderTransformer.dense, "\(path)/Dense_0", a.backboneWidth, transformer.width),
          isRectified: true,
          blocks: try transformer.blocks.enumerated().map { index, shape in
            try block(shape, "\(path)/Transformer_0/TransformerBlock\(index)")
          })
      }, flattensColumnsFirst: false)
  }

  private func backbone(_ path: TensorName) throws -> FrameEncoder<Scalar>.Backbone {
    let a = architecture
    switch a.backbone {
    case .convolutions(let layers):
      var (height, width) = (a.frameHeight, a.frameWidth)
      return .convolutions(
        try layers.enumerated().map { index, layer in
          let built = try convolution(
            layer, "\(path)/CNN_0/conv_\(index)", height, width, isRectified: true)
          (height, width) = (built.outputExtent(height), built.outputExtent(width))
          return built
        })
    case .residual(let network):
      return .residual(try residual(network, "\(path)/ResNet_0"))
    }
  }

  /// Stages and blocks are counted from 1; the norms are called bn, whatever they are.
  private func residual(_ network: ResidualNetwork, _ path: TensorName) throws -> ResNet<Scalar> {
    var (height, width) = (architecture.frameHeight, architecture.frameWidth)
    func layer(
      _ convolution: ConvolutionLayer, _ norm: GroupNormLayer, _ names: (TensorName, TensorName)
    ) throws -> ResNet<Scalar>.Layer {
      ResNet.Layer(
        convolution: try self.convolution(
          convolution, names.0, height, width, isRectified: false),
        norm: GroupNorm(
          path: norm.path, scale: try read("\(names.1)/scale", [norm.channels]),
          bias: try read("\(names.1)/bias", [norm.channels]), groups: norm.groups,
          epsilon: FlaxConventions.groupNormEpsilon))
    }
    let stem = try layer(
      network.stem, network.stemNorm, ("\(path)/init_conv", "\(path)/init_bn"))
    (height, width) = (network.stem.outputExtent(height), network.stem.outputExtent(width))
    let stages = try network.stages.enumerated().map { stage, blocks in
      try blocks.enumerated().map { index, block in
        let path: TensorName = "\(path)/stage\(stage + 1)/block\(index + 1)"
        let shortcut = try block.shortcut.map {
          try layer($0.convolution, $0.norm, ("\(path)/proj_conv", "\(path)/proj_bn"))
        }
        let first = try layer(block.first, block.firstNorm, ("\(path)/conv1", "\(path)/bn1"))
        (height, width) = (block.first.outputExtent(height), block.first.outputExtent(width))
        let second = try layer(block.second, block.secondNorm, ("\(path)/conv2", "\(path)/bn2"))
        (height, width) = (block.second.outputExtent(height), block.second.outputExtent(width))
        return ResNet.Block(first: first, second: second, shortcut: shortcut)
      }
    }
    return ResNet(stem: stem, rectifiesStem: false, stages: stages)
  }

  private func block(
    _ shape: TransformerShape, _ path: TensorName
  ) throws -> TransformerBlock<Scalar> {
    TransformerBlock(
      path: shape.path,
      attention: try FlaxSelfAttention(
        read, "\(path)/MultiHeadDotProductAttention_0", width: shape.width, heads: shape.heads,
        perHead: shape.perHead),
      scaledWidth: shape.perHead,
      attentionNorm: try norm(shape.norms[0], "\(path)/LayerNorm_0", shape.width),
      mlp: try mlp("\(shape.path).mlp", "\(path)/MLP_0", shape.width, shape.hidden, shape.width),
      mlpNorm: try norm(shape.norms[1], "\(path)/LayerNorm_1", shape.width),
      isPreNorm: shape.isPreNorm)
  }

  /// A Conv over an image of that size: kernel HWIO.
  private func convolution(
    _ layer: ConvolutionLayer, _ path: TensorName, _ height: Int, _ width: Int, isRectified: Bool
  ) throws -> Convolution<Scalar> {
    Convolution(
      path: layer.name, kernel: try kernel(layer, path),
      bias: layer.hasBias
        ? try read("\(path)/bias", [layer.outputs]) : [Scalar](repeating: 0, count: layer.outputs),
      size: layer.size,
      padding: .init(
        top: FlaxConventions.padding(n: height, kernel: layer.kernelHeight, stride: layer.stride),
        left: FlaxConventions.padding(n: width, kernel: layer.kernelWidth, stride: layer.stride)),
      isRectified: isRectified)
  }

  private func kernel(
    _ layer: ConvolutionLayer, _ path: TensorName
  ) throws -> [Scalar] {
    try read(
      "\(path)/kernel", [layer.kernelHeight, layer.kernelWidth, layer.inputs, layer.outputs])
  }

  /// A ConvTranspose: a convolution of the input with zeros between its pixels
  /// (jax.lax.conv_transpose with transpose_kernel=False). Seen from an input pixel, that
  /// convolution lays the kernel down turned by half a turn.
  private func transposed(
    _ layer: ConvolutionLayer, _ path: TensorName
  ) throws -> TransposedConvolution<Scalar> {
    let kernel = try kernel(layer, path)
    let matrix = layer.inputs * layer.outputs
    let taps = layer.kernelHeight * layer.kernelWidth
    let turned = (0..<taps).reversed().flatMap { kernel[$0 * matrix..<($0 + 1) * matrix] }
    return TransposedConvolution(
      path: layer.name, kernel: turned, bias: try read("\(path)/bias", [layer.outputs]),
      size: layer.size,
      crop: FlaxConventions.crop(kernel: layer.kernelHeight, stride: layer.stride))
  }

  private func initializer() throws -> StateInit<Scalar> {
    let a = architecture
    return StateInit(
      mlp: try mlp(
        "initializer.embedding_transform", "CoordinateEncoderStateInit_0/MLP_0",
        Clip.boxCoordinates, a.initializerHidden, a.slot))
  }

  private func corrector() throws -> SlotAttention<Scalar> {
    let (a, path) = (architecture, "SlotAttention_0")
    /// A DenseGeneral without a bias: kernel (in, heads, features), with one head.
    func projection(_ name: String, _ inputs: Int) throws -> Dense<Scalar> {
      Dense(
        "corrector.w_\(name)",
        try read("\(path)/general_dense_\(name)_0/kernel", [inputs, 1, a.attention]),
        .inputsOutputs, inputs: inputs, outputs: a.attention)
    }
    return SlotAttention(
      // The norm of the slots is constructed first, so it has the lower number.
      inputNorm: try norm("corrector.layernorm_input", "\(path)/LayerNorm_1", a.encoderWidth),
      slotNorm: try norm("corrector.layernorm_q", "\(path)/LayerNorm_0", a.slot),
      query: try projection("q", a.slot), key: try projection("k", a.encoderWidth),
      value: try projection("v", a.encoderWidth),
      cell: try FlaxGRUCell(
        "corrector.gru", read, "\(path)/GRU_0/GRUCell_0", inputs: a.attention, hidden: a.slot),
      scaledWidth: a.attention)
  }

  private func decoder() throws -> SpatialBroadcastDecoder<Scalar> {
    let (a, path) = (architecture, "SpatialBroadcastDecoder_0")
    var (height, width) = (a.gridHeight, a.gridWidth)
    let backbone = try a.decoder.enumerated().map { index, layer in
      let name: TensorName = "\(path)/CNN_0/conv_\(index)"
      let built: SpatialBroadcastDecoder<Scalar>.Layer =
        layer.isTransposed
        ? .transposed(try transposed(layer, name))
        : .convolution(try convolution(layer, name, height, width, isRectified: true))
      (height, width) = (built.outputExtent(height), built.outputExtent(width))
      return built
    }
    return SpatialBroadcastDecoder(
      backbone: backbone, gridHeight: a.gridHeight, gridWidth: a.gridWidth,
      positionEmbedding: try positions(
        "decoder.pos_emb", "\(path)/PositionEmbedding_0", height: a.gridHeight,
        width: a.gridWidth, channels: a.slot),
      readouts: try a.readouts.map { readout in
        (
          readout.target,
          try dense(readout.path, readout.flaxPath, a.decoderWidth, readout.outputs)
        )
      }, mask: try dense("decoder.mask_pred", "\(path)/alpha_logits", a.decoderWidth, 1),
      mixesBeforeReadout: a.mixesBeforeReadout)
  }
}
