extension SAViArchitecture {
  /// The stages of this model, in the order in which they are computed.
  package var stages: [StageName] {
    var names: [StageName] = []
    if case .residual(let network) = backbone {
      names += [.encStem] + network.stages.indices.map { .encStage($0 + 1) }
    }
    names += [.encCNN, .encPos]
    if let transformer { names += [.encDense] + transformer.blocks.indices.map(StageName.encBlock) }
    if hasParts { names.append(.encoded) }
    names += [.initSlots, .attn, .corrected, .predicted, .alphaLogits, .alphas]
    if mixesBeforeReadout {
      names += [.flowSlots, .decFused]
    } else if hasParts {
      names += [.flowSlots, .flowMasked]
    }
    return names + readouts.map(\.target).sorted() + [.segmentations]
  }

  /// Whether the encoder is deep enough for what lies between its features and the slots, and between
  /// the slots and the flow, to be stages of their own.
  private var hasParts: Bool {
    if case .residual = backbone { true } else { transformer != nil }
  }
}
