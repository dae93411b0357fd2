import ReferenceLayers

/// A tensor that both runs have, from which what follows may have been made: the input or output of a
/// call that was compared, the converted one in the source's layout.
struct Origin {
  /// The call's path, with what of it this is.
  let title: String
  let source: Tensor<Float>
  let converted: Tensor<Float>
  /// Whether it came out of an embedding, which models scale.
  let isEmbedding: Bool
}

/// One of the two runs.
enum RunSide {
  case source, converted
}

extension Origin {
  func values(_ side: RunSide) -> Tensor<Float> { side == .source ? source : converted }
}
