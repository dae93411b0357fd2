import ReferenceLayers

/// What two computations between the same calls differ in.
enum BetweenCause {
  static func make(
    _ source: Expression, _ converted: Expression?, _ provenance: Provenance,
    _ framework: LayerFacts.Framework
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
      fix: fix(source, converted, framework))
  }

  private static func fix(
    _ source: Expression, _ converted: Expression, _ framework: LayerFacts.Framework
  ) -> String {
    if case (.activation(let name)?, _) = rest(source.steps, converted.steps) {
      return SettingCause.fixActivation(name, framework == .torch)
    }
    return "compute \(source.text) there"
  }

  /// How far the converted model's computation takes the source's own tensors from the source's.
  private static func effect(
    _ a: Expression, _ b: Expression, _ provenance: Provenance
  ) -> Double? {
    guard let x = a.value(provenance.origins, .source),
      let y = b.value(provenance.origins, .source),
      x.values.count == y.values.count
    else { return nil }
    let relative = Difference(y.values, reference: x.values).relative
    return relative.isFinite ? relative : nil
  }

  private static func words(
    _ a: Expression, _ b: Expression, _ provenance: Provenance
  ) -> (id: String, text: String) {
    let both = "\(a.text) in the source, \(b.text) in the converted model"
    let (x, y) = rest(a.steps, b.steps)
    switch (x, y) {
    case (.attention(let one)?, .attention(let other)?): return AttentionForm.cause(one, other)
    case (.activation(let one)?, .activation(let other)?):
      return (Activation.causeID(one, other), both)
    case (.sum?, .sum?), (.sum?, nil): return ("residual_missing", both)
    case (nil, .sum?): return ("residual_added", both)
    case (.pooling?, _), (_, .pooling?): return ("pooling", both)
    case (.selection?, _), (_, .selection?): return ("token_selection", both)
    case (.rearrangement?, _), (_, .rearrangement?):
      let rank = a.value(provenance.origins, .source)?.shape.filter { $0 > 1 }.count ?? 0
      let target = provenance.target.source.shape.filter { $0 > 1 }.count
      return (target < rank ? "flatten_order" : "axis_order", both)
    case (.scaling?, _), (_, .scaling?):
      let isEmbedding = (a.arguments + b.arguments).contains { provenance.origins[$0].isEmbedding }
      return (isEmbedding ? "embedding_scale" : "scale", both)
    case (.activation?, _), (_, .activation?): return ("activation", both)
    case (.product?, _), (_, .product?): return ("gate", both)
    default:
      let isJoined = a.steps.contains {
        if case .concatenation = $0 { true } else { false }
      }
      return (isJoined ? "concatenation_order" : "other_origin", both)
    }
  }

  /// The first functions in which two ways differ, those before and behind being the same.
  private static func rest(
    _ a: [Expression.Step], _ b: [Expression.Step]
  ) -> (Expression.Step?, Expression.Step?) {
    var (x, y) = (a[...], b[...])
    while let one = x.last, one == y.last { (x, y) = (x.dropLast(), y.dropLast()) }
    while let one = x.first, one == y.first { (x, y) = (x.dropFirst(), y.dropFirst()) }
    // Of the same sum of other tensors the sum itself is the difference.
    if x.isEmpty, y.isEmpty { return (a.first, b.first).0 == .sum ? (.sum, .sum) : (nil, nil) }
    return (x.first, y.first)
  }
}
