import CheckpointCore
package import CheckpointMapping
import ReferenceLayers

/// The sizes of a SAVi and what it is made of, read from a model document's module tree.
package struct SAViArchitecture: Sendable {
  package let name: String
  package let frameHeight: Int
  package let frameWidth: Int
  let backbone: Backbone
  let featureHeight: Int
  let featureWidth: Int
  let encoderHidden: Int
  /// What follows the position embedding, where the encoder has it.
  let transformer: EncoderTransformer?
  let gridHeight: Int
  let gridWidth: Int
  let slot: Int
  /// The width of the corrector's queries, keys and values.
  let attention: Int
  let predictor: TransformerShape
  let initializerHidden: Int
  let decoder: [ConvolutionLayer]
  let readouts: [ReadoutLayer]
  /// Whether the slots' features are mixed, and the readouts see the mixture; otherwise each slot is
  /// read out and the results are mixed.
  let mixesBeforeReadout: Bool
  /// The epsilon of each layer norm in PyTorch's module, by the module's path.
  let portEpsilons: [TensorName: Double]

  /// The width of the backbone's features.
  var backboneWidth: Int { backbone.width }
  /// The width of what the corrector sees.
  var encoderWidth: Int { transformer?.width ?? backboneWidth }
  var decoderWidth: Int { decoder.last?.outputs ?? slot }

  /// The blocks of self-attention, in the order in which they run.
  var transformerBlocks: [TransformerShape] { (transformer?.blocks ?? []) + [predictor] }

  /// - Throws: `CheckpointError` where the document is not about a SAVi, or contradicts itself.
  package init(_ document: ModelDocument) throws {
    let tree = try DocumentTree(document)
    name = document.name
    (frameHeight, frameWidth) = (
      try tree.dimension("frame_height"), try tree.dimension("frame_width")
    )
    backbone = try Backbone(tree)
    let features = try tree.parameter("encoder.pos_emb", "pos_embedding", rank: 4)
    (featureHeight, featureWidth) = (features[1], features[2])
    encoderHidden = try tree.linear("encoder.pos_emb.output_transform.model.dense_mlp_0").outputs
    transformer = try EncoderTransformer(tree)
    let grid = try tree.parameter("decoder.pos_emb", "pos_embedding", rank: 4)
    (gridHeight, gridWidth) = (grid[1], grid[2])
    let query = try tree.parameter("corrector", "w_q", rank: 3)
    (slot, attention) = (query[1], query[2])
    predictor = try TransformerShape("predictor", heads: try tree.dimension("heads"), tree)
    initializerHidden = try tree.linear(
      "initializer.embedding_transform.model.dense_mlp_0"
    ).outputs
    decoder = try tree.convolutions("decoder.backbone.cnn_layers")
    readouts = try ReadoutLayer.all(tree)
    mixesBeforeReadout = try tree.flag("decoder", "early_fusion")
    portEpsilons = try tree.epsilons(
      [
        "encoder.pos_emb.output_transform.layernorm_module", "corrector.layernorm_input",
        "corrector.layernorm_q",
      ] + ((transformer?.blocks ?? []) + [predictor]).flatMap(\.norms))
    try checkChain()
  }
}

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
  let hasBias: Bool

  var size: KernelSize {
    KernelSize(
      height: kernelHeight, width: kernelWidth, inputs: inputs, outputs: outputs, stride: stride)
  }

  /// The extent along one axis behind this layer.
  func outputExtent(_ n: Int) -> Int {
    isTransposed ? n * stride : (n + stride - 1) / stride
  }
}

/// A block of self-attention and an MLP.
struct TransformerShape: Sendable {
  let path: TensorName
  let width: Int
  let heads: Int
  /// The width of a head.
  let perHead: Int
  let hidden: Int
  /// Whether the norms are in front of the layers, with nothing behind the residuals.
  let isPreNorm: Bool

  /// The norms in front of, or behind, attention and MLP.
  var norms: [TensorName] { ["\(path).layernorm_query", "\(path).layernorm_mlp"] }

  init(_ path: TensorName, heads: Int, _ tree: DocumentTree) throws {
    let qkv = try tree.linear("\(path).w_qkv")
    guard heads > 0, qkv.inputs > 0, qkv.outputs > 0, qkv.outputs % (3 * heads) == 0 else {
      throw tree.refuse(
        "\(path).w_qkv", "has \(heads) heads, among which this layer's outputs cannot be divided")
    }
    self.path = path
    width = qkv.inputs
    self.heads = heads
    perHead = qkv.outputs / (3 * heads)
    hidden = try tree.linear("\(path).mlp.model.dense_mlp_0").outputs
    isPreNorm = try tree.flag("\(path)", "pre_norm")
    try tree.require("\(path).w_o", inputs: heads * perHead, outputs: width)
    try tree.require("\(path).mlp.model.dense_mlp_1", inputs: hidden, outputs: width)
  }
}

/// The transformer of SAVi++'s encoder: a dense layer with a ReLU, then blocks.
struct EncoderTransformer: Sendable {
  let width: Int
  let blocks: [TransformerShape]

  static let dense: TensorName = "encoder.transformer_dense"

  /// `nil` where the encoder has none.
  init?(_ tree: DocumentTree) throws {
    guard tree.has(Self.dense) else { return nil }
    width = try tree.linear(Self.dense).outputs
    let heads = try tree.dimension("encoder_heads")
    blocks = try tree.children("encoder.transformer.blocks").map {
      try TransformerShape($0, heads: heads, tree)
    }
    for block in blocks where block.width != width {
      throw tree.refuse(block.path, "has a block of another width than \(Self.dense)")
    }
  }
}

/// A layer that turns features of the decoder into one of its targets.
struct ReadoutLayer: Sendable {
  let target: StageName
  /// The path of the dense layer.
  let path: TensorName
  /// Its path in Flax's parameters.
  let flaxPath: TensorName
  let outputs: Int

  /// In the order of their modules.
  static func all(_ tree: DocumentTree) throws -> [ReadoutLayer] {
    let readout: TensorName = "decoder.target_readout"
    let modules = try tree.children("\(readout).readout_modules")
    let names = try tree.texts(readout, "targets") ?? [StageName.flow.rawValue]
    guard names.count == modules.count, Set(names).count == names.count,
      names.contains(StageName.flow.rawValue)
    else {
      throw tree.refuse(readout, "has \(modules.count) readouts, for \(names.count) targets")
    }
    return try zip(names, modules).enumerated().map { index, pair in
      let (name, module) = pair
      guard let target = StageName(rawValue: name), StageName.targets.contains(target) else {
        throw tree.refuse(readout, "has a target '\(name)', which is neither flow nor depth")
      }
      let folder = "SpatialBroadcastDecoder_0/Readout_0"
      let layer: TensorName = "\(module).model.dense_mlp_0"
      guard tree.has(layer) else {
        return ReadoutLayer(
          target: target, path: module, flaxPath: "\(folder)/Dense_\(index)/Dense_0",
          outputs: try tree.linear(module).outputs)
      }
      return ReadoutLayer(
        target: target, path: layer, flaxPath: "\(folder)/MLP_\(index)/dense_mlp_0",
        outputs: try tree.linear(layer).outputs)
    }
  }
}
