import CheckpointCore

/// What turns a frame into features.
enum Backbone: Sendable {
  /// Convolutions one after another, each with a ReLU.
  case convolutions([ConvolutionLayer])
  case residual(ResidualNetwork)

  init(_ tree: DocumentTree) throws {
    self =
      tree.has("encoder.backbone.cnn_layers")
      ? .convolutions(try tree.convolutions("encoder.backbone.cnn_layers"))
      : .residual(try ResidualNetwork("encoder.backbone", tree))
  }

  /// The layers that a frame goes through from the first to the last, shortcuts apart.
  var chain: [ConvolutionLayer] {
    switch self {
    case .convolutions(let layers): layers
    case .residual(let network):
      [network.stem] + network.stages.joined().flatMap { [$0.first, $0.second] }
    }
  }

  /// All convolutions.
  var convolutions: [ConvolutionLayer] {
    guard case .residual(let network) = self else { return chain }
    return chain + network.stages.joined().compactMap(\.shortcut?.convolution)
  }

  var width: Int { chain.last?.outputs ?? Clip.channels }
}

/// A group norm of the module tree.
struct GroupNormLayer: Sendable {
  let path: TensorName
  let groups: Int
  let channels: Int
  /// In PyTorch's module.
  let portEpsilon: Double
}

/// A ResNet (He et al., arXiv:1512.03385) of basic blocks with group norms, for small images: the
/// stem neither strides nor pools.
struct ResidualNetwork: Sendable {
  struct Block: Sendable {
    let first: ConvolutionLayer
    let firstNorm: GroupNormLayer
    let second: ConvolutionLayer
    let secondNorm: GroupNormLayer
    /// Projects the input where its shape is not the output's.
    let shortcut: (convolution: ConvolutionLayer, norm: GroupNormLayer)?
  }

  let stem: ConvolutionLayer
  let stemNorm: GroupNormLayer
  /// Whether PyTorch's module has a ReLU behind the stem's norm.
  let portRectifiesStem: Bool
  let stages: [[Block]]

  init(_ path: TensorName, _ tree: DocumentTree) throws {
    stem = try tree.convolution("\(path).conv1")
    stemNorm = try tree.groupNorm("\(path).bn1")
    let names = try tree.children(path)
    portRectifiesStem = names.contains("\(path).relu")
    stages = try names.filter { $0.hasPrefix("\(path).layer") }.map { stage in
      try tree.children(stage).map { try Block($0, tree) }
    }
    guard !stages.isEmpty, !stages.contains(where: \.isEmpty) else {
      throw tree.refuse(path, "has a residual network without blocks here")
    }
  }
}

extension ResidualNetwork.Block {
  fileprivate init(_ path: TensorName, _ tree: DocumentTree) throws {
    first = try tree.convolution("\(path).conv1")
    firstNorm = try tree.groupNorm("\(path).bn1")
    second = try tree.convolution("\(path).conv2")
    secondNorm = try tree.groupNorm("\(path).bn2")
    let projection: TensorName = "\(path).downsample"
    shortcut =
      tree.has(projection)
      ? (try tree.convolution("\(projection).0"), try tree.groupNorm("\(projection).1")) : nil
  }
}
