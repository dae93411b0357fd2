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
      predictor: try predictor(), decoder: try decoder())
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
    let (a, path) = (architecture, "FrameEncoder_0")
    var (height, width) = (a.frameHeight, a.frameWidth)
    let backbone = try a.encoder.enumerated().map { index, layer in
      let built = try convolution(layer, "\(path)/CNN_0/conv_\(index)", height, width)
      (height, width) = (built.outputExtent(height), built.outputExtent(width))
      return built
    }
    return FrameEncoder(
      backbone: backbone,
      positionEmbedding: try positions(
        "encoder.pos_emb", "\(path)/PositionEmbedding_0", height: a.featureHeight,
        width: a.featureWidth, channels: a.encoderWidth),
      norm: try norm(
        "encoder.pos_emb.output_transform.layernorm_module",
        "\(path)/PositionEmbedding_0/MLP_0/LayerNorm_0", a.encoderWidth),
      mlp: try mlp(
        "encoder.pos_emb.output_transform", "\(path)/PositionEmbedding_0/MLP_0", a.encoderWidth,
        a.encoderHidden, a.encoderWidth))
  }

  /// A Conv over an image of that size: kernel HWIO.
  private func convolution(
    _ layer: SAViArchitecture.ConvolutionLayer, _ path: TensorName, _ height: Int, _ width: Int
  ) throws -> Convolution<Scalar> {
    Convolution(
      path: layer.name, kernel: try kernel(layer, path),
      bias: try read("\(path)/bias", [layer.outputs]), size: layer.size,
      padding: .init(
        top: FlaxConventions.padding(n: height, kernel: layer.kernelHeight, stride: layer.stride),
        left: FlaxConventions.padding(n: width, kernel: layer.kernelWidth, stride: layer.stride)))
  }

  private func kernel(
    _ layer: SAViArchitecture.ConvolutionLayer, _ path: TensorName
  ) throws -> [Scalar] {
    try read(
      "\(path)/kernel", [layer.kernelHeight, layer.kernelWidth, layer.inputs, layer.outputs])
  }

  /// A ConvTranspose: a convolution of the input with zeros between its pixels
  /// (jax.lax.conv_transpose with transpose_kernel=False). Seen from an input pixel, that
  /// convolution lays the kernel down turned by half a turn.
  private func transposed(
    _ layer: SAViArchitecture.ConvolutionLayer, _ path: TensorName
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
        "corrector.gru", read, "\(path)/GRU_0/GRUCell_0", inputs: a.attention, hidden: a.slot))
  }

  private func predictor() throws -> TransformerBlock<Scalar> {
    let (a, path) = (architecture, "TransformerBlock_0")
    return TransformerBlock(
      attention: try FlaxSelfAttention(
        read, "\(path)/MultiHeadDotProductAttention_0", width: a.slot, heads: a.heads),
      attentionNorm: try norm("predictor.layernorm_query", "\(path)/LayerNorm_0", a.slot),
      mlp: try mlp("predictor.mlp", "\(path)/MLP_0", a.slot, a.predictorHidden, a.slot),
      mlpNorm: try norm("predictor.layernorm_mlp", "\(path)/LayerNorm_1", a.slot))
  }

  private func decoder() throws -> SpatialBroadcastDecoder<Scalar> {
    let (a, path) = (architecture, "SpatialBroadcastDecoder_0")
    var (height, width) = (a.gridHeight, a.gridWidth)
    let backbone = try a.decoder.enumerated().map { index, layer in
      let name: TensorName = "\(path)/CNN_0/conv_\(index)"
      let built: SpatialBroadcastDecoder<Scalar>.Layer =
        layer.isTransposed
        ? .transposed(try transposed(layer, name))
        : .convolution(try convolution(layer, name, height, width))
      (height, width) = (built.outputExtent(height), built.outputExtent(width))
      return built
    }
    return SpatialBroadcastDecoder(
      backbone: backbone, gridHeight: a.gridHeight, gridWidth: a.gridWidth,
      positionEmbedding: try positions(
        "decoder.pos_emb", "\(path)/PositionEmbedding_0", height: a.gridHeight,
        width: a.gridWidth, channels: a.slot),
      readout: try dense(
        "decoder.target_readout.readout_modules.0", "\(path)/Readout_0/Dense_0/Dense_0",
        a.decoderWidth, a.targetChannels),
      mask: try dense("decoder.mask_pred", "\(path)/alpha_logits", a.decoderWidth, 1))
  }
}
