import ReferenceLayers

/// What two computations between the same calls differ in.
enum BetweenCause {
  static func make(
    _ source: Expression, _ converted: Expression?, _ provenance: Provenance
  ) -> Cause {
    guard let converted else {
      return Cause(
        id: "other_function", explains: nil, effect: nil,
        text:
          "\(source.text) in the source; the converted model computes it in a way that is not known",
        fix: "compute \(source.text) there")
    }
    let (id, text) = words(source, converted, provenance)
    return Cause(
      id: id, explains: 1, effect: effect(source, converted, provenance), text: text,
      fix: "compute \(source.text) there")
  }

  /// How far the converted model's computation takes the source's own tensors from the source's.
  private static func effect(
    _ a: Expression, _ b: Expression, _ provenance: Provenance
  ) -> Double? {
    guard let x = a.value(provenance.origins, .source), let y = b.value(provenance.origins, .source),
      x.values.count == y.values.count
    else { return nil }
    let relative = Difference(y.values, reference: x.values).relative
    return relative.isFinite ? relative : nil
  }

  private static func words(
    _ a: Expression, _ b: Expression, _ provenance: Provenance
  ) -> (id: String, text: String) {
    let both = "\(a.text) in the source, \(b.text) in the converted model"
    switch (a.kind, b.kind) {
    case (.attention(let x), .attention(let y)): return AttentionForm.cause(x, y)
    case (.activation(let x), .activation(let y)): return (Activation.causeID(x, y), both)
    case (.activation, .identity), (.identity, .activation), (.activation, _):
      return ("activation", both)
    case (.sum, .identity), (.sum, .sum): return ("residual_missing", both)
    case (.identity, .sum): return ("residual_added", both)
    case (.scaled, _), (_, .scaled):
      let isEmbedding = (a.arguments + b.arguments).contains { provenance.origins[$0].isEmbedding }
      return (isEmbedding ? "embedding_scale" : "scale", both)
    case (.concatenation, .concatenation): return ("concatenation_order", both)
    case (.selection, .selection): return ("token_selection", both)
    case (.pooling, _), (_, .pooling): return ("pooling", both)
    case (.identity, .rearranged), (.rearranged, .identity), (.rearranged, .rearranged):
      let origin = provenance.origins[a.arguments[0]].source.shape.filter { $0 > 1 }.count
      let target = provenance.target.source.shape.filter { $0 > 1 }.count
      return (target < origin ? "flatten_order" : "axis_order", both)
    default: return ("other_function", both)
    }
  }
}
