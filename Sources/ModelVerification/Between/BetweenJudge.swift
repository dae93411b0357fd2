import ReferenceLayers

/// Judges what lies before a call by how both runs made its input from the same earlier tensors.
struct BetweenJudge {
  let provenance: Provenance
  /// Of the converted model: fixes are in its words.
  let framework: LayerFacts.Framework

  enum Judgement {
    /// Both made it in the same way, which is this: what differs was there before.
    case inherited(Expression)
    case differs(Cause)
    /// One side, or both, made it in no known way.
    case unknown
  }

  func judge() -> Judgement {
    guard let source = provenance.find(.source) else { return .unknown }
    if provenance.explains(source, .converted) {
      return BetweenCause.ofParameters(source).map(Judgement.differs) ?? .inherited(source)
    }
    let near = AttentionFamily.variations(provenance, of: source)
    let converted =
      near.first { provenance.explains($0, .converted) } ?? provenance.find(.converted)
    return .differs(BetweenCause.make(source, converted, of: provenance.target, framework))
  }
}
