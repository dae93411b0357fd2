public import CheckpointCore

/// What a tensor is to its layer. The role and the two frameworks decide the change of layout;
/// shapes never do, for a square kernel looks the same transposed.
///
/// Flax's layouts: flax/linen/linear.py (Dense: kernel (in, out); Conv: HWIO), attention.py
/// (DenseGeneral with heads), recurrent.py (GRUCell). PyTorch's: torch/nn/modules/linear.py
/// (weight (out, in)), conv.py (OIHW; transposed IOHW), rnn.py (rows r, z, n).
public enum Role: String, Sendable, CaseIterable {
  case conv2dKernel = "conv2d.kernel"
  case conv2dBias = "conv2d.bias"
  case convTranspose2dKernel = "conv_transpose2d.kernel"
  case convTranspose2dBias = "conv_transpose2d.bias"
  case denseKernel = "dense.kernel"
  case denseBias = "dense.bias"
  case layerNormScale = "layer_norm.scale"
  case layerNormBias = "layer_norm.bias"
  case positionEmbedding = "position_embedding"
  /// A DenseGeneral from features to (heads, features) without a bias.
  case attentionProjectionKernel = "attention.projection.kernel"
  case attentionQKVKernel = "attention.qkv.kernel"
  case attentionQKVBias = "attention.qkv.bias"
  case attentionOutputKernel = "attention.output.kernel"
  case gruInputKernel = "gru.input_kernel"
  case gruInputBias = "gru.input_bias"
  case gruRecurrentKernel = "gru.recurrent_kernel"
  /// Flax's GRUCell has a recurrent bias for the candidate gate alone.
  case gruRecurrentBias = "gru.recurrent_bias"
  /// Any tensor whose layout is the same in both frameworks.
  case copy = "copy"

  /// How many Flax tensors make one PyTorch tensor.
  public var sourceCount: Int {
    switch self {
    case .attentionQKVKernel, .attentionQKVBias, .gruInputKernel, .gruInputBias,
      .gruRecurrentKernel:
      3
    default: 1
    }
  }

  /// Whether the rule must say how many attention heads there are.
  public var needsHeads: Bool {
    switch self {
    case .attentionQKVKernel, .attentionQKVBias, .attentionOutputKernel: true
    default: false
    }
  }

  /// The change of layout as a formula: W is the PyTorch tensor, K the Flax tensor or tensors.
  public var formula: String {
    switch self {
    case .conv2dKernel: "W[o,i,a,b] = K[a,b,i,o]"
    case .convTranspose2dKernel: "W[i,o,a,b] = K[kh-1-a,kw-1-b,i,o]"
    case .denseKernel: "W[o,i] = K[i,o]"
    case .attentionProjectionKernel: "W[h,i,d] = K[i,h,d]"
    case .attentionQKVKernel: "W[h*3d + s*d + j, i] = K_s[i,h,j], s = query, key, value"
    case .attentionQKVBias: "W[h*3d + s*d + j] = K_s[h,j], s = query, key, value"
    case .attentionOutputKernel: "W[o, h*d + j] = K[h,j,o]"
    case .gruInputKernel: "W[g*n + o, i] = K_g[i,o], g = ir, iz, in"
    case .gruInputBias: "W[g*n + o] = K_g[o], g = ir, iz, in"
    case .gruRecurrentKernel: "W[g*n + o, i] = K_g[i,o], g = hr, hz, hn"
    case .gruRecurrentBias: "W = [0, 0, K], K = hn"
    case .conv2dBias, .convTranspose2dBias, .denseBias, .layerNormScale, .layerNormBias,
      .positionEmbedding, .copy:
      "W = K"
    }
  }

  /// The transform that makes a PyTorch tensor of shape `target`; `nil` where no Flax tensors of
  /// this role could.
  public func transform(to target: Shape, heads: Int?) -> LayoutTransform? {
    switch self {
    case .conv2dKernel: .permuted(target, order: [2, 3, 1, 0])
    case .convTranspose2dKernel: .permuted(target, order: [2, 3, 0, 1], flipped: [2, 3])
    case .denseKernel: .permuted(target, order: [1, 0])
    case .attentionProjectionKernel: .permuted(target, order: [1, 0, 2])
    case .attentionQKVKernel: target.rank == 2 ? packedHeads(target, heads) : nil
    case .attentionQKVBias: target.rank == 1 ? packedHeads(target, heads) : nil
    case .attentionOutputKernel: mergedHeads(target, heads)
    case .gruInputKernel, .gruRecurrentKernel: target.rank == 2 ? gates(target) : nil
    case .gruInputBias: target.rank == 1 ? gates(target) : nil
    case .gruRecurrentBias: candidateBias(target)
    case .conv2dBias, .convTranspose2dBias, .denseBias, .layerNormScale, .layerNormBias:
      target.rank == 1 ? .copy(target) : nil
    case .positionEmbedding, .copy: .copy(target)
    }
  }

  /// The shape of the PyTorch tensor that Flax tensors of these shapes make; `nil` where they
  /// cannot have this role.
  public func targetShape(from sources: [Shape]) -> Shape? {
    guard sources.count == sourceCount, let first = sources.first?.dimensions else { return nil }
    let guess: [Int]?
    switch (self, first.count) {
    case (.conv2dKernel, 4): guess = [first[3], first[2], first[0], first[1]]
    case (.convTranspose2dKernel, 4): guess = [first[2], first[3], first[0], first[1]]
    case (.denseKernel, 2): guess = [first[1], first[0]]
    case (.attentionProjectionKernel, 3): guess = [first[1], first[0], first[2]]
    case (.attentionQKVKernel, 3): guess = product([3, first[1], first[2]]).map { [$0, first[0]] }
    case (.attentionQKVBias, 2): guess = product([3, first[0], first[1]]).map { [$0] }
    case (.attentionOutputKernel, 3): guess = product([first[0], first[1]]).map { [first[2], $0] }
    case (.gruInputKernel, 2), (.gruRecurrentKernel, 2):
      guess = product([3, first[1]]).map { [$0, first[0]] }
    case (.gruInputBias, 1), (.gruRecurrentBias, 1): guess = product([3, first[0]]).map { [$0] }
    case (.positionEmbedding, _), (.copy, _), (.conv2dBias, 1), (.convTranspose2dBias, 1),
      (.denseBias, 1), (.layerNormScale, 1), (.layerNormBias, 1):
      guess = first
    default: guess = nil
    }
    return guess.flatMap { Shape($0) }
  }

  private func product(_ factors: [Int]) -> Int? { Shape(factors)?.count }

  /// Rows in blocks of one head, each its query, key and value: W[h·3d + s·d + j, …].
  private func packedHeads(_ target: Shape, _ heads: Int?) -> LayoutTransform? {
    guard let heads, heads > 0, target.dimensions[0] % (3 * heads) == 0 else { return nil }
    let width = target.dimensions[0] / (3 * heads)
    let columns = target.rank == 2 ? target.dimensions[1] : 1
    let shape = target.rank == 2 ? [columns, heads, width] : [heads, width]
    let strides = [3 * width * columns, columns]
    guard let source = Shape(shape) else { return nil }
    return LayoutTransform(
      target: target,
      placements: (0..<3).map {
        .init(
          shape: source, offset: $0 * width * columns,
          strides: target.rank == 2 ? [1] + strides : strides)
      })
  }

  private func mergedHeads(_ target: Shape, _ heads: Int?) -> LayoutTransform? {
    guard target.rank == 2, let heads, heads > 0, target.dimensions[1] % heads == 0 else {
      return nil
    }
    let columns = target.dimensions[1]
    guard let source = Shape([heads, columns / heads, target.dimensions[0]]) else { return nil }
    return LayoutTransform(
      target: target,
      placements: [.init(shape: source, offset: 0, strides: [columns / heads, 1, columns])])
  }

  /// Three gates stacked along the rows, each transposed.
  private func gates(_ target: Shape) -> LayoutTransform? {
    guard target.dimensions[0] % 3 == 0 else { return nil }
    let rows = target.dimensions[0] / 3
    let columns = target.rank == 2 ? target.dimensions[1] : 1
    guard let source = Shape(target.rank == 2 ? [columns, rows] : [rows]) else { return nil }
    return LayoutTransform(
      target: target,
      placements: (0..<3).map {
        .init(
          shape: source, offset: $0 * rows * columns,
          strides: target.rank == 2 ? [1, columns] : [1])
      })
  }

  private func candidateBias(_ target: Shape) -> LayoutTransform? {
    guard target.rank == 1, target.count % 3 == 0, let source = Shape([target.count / 3]) else {
      return nil
    }
    return LayoutTransform(
      target: target,
      placements: [.init(shape: source, offset: 2 * source.count, strides: [1])],
      zeros: 0..<2 * source.count)
  }
}
