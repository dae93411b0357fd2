import ReferenceLayers

/// Attention over the latest projections: queries, keys and values of calls of their own, or of one.
enum AttentionFamily {
  /// Of the latest origins, those that may be projections.
  private static let reach = 8
  /// Triples of them that are tried in the usual forms, and those of which more is tried.
  private static let mostProjections = 12
  private static let variedProjections = 2
  /// Multiplications that one search may take: a second's work.
  private static let work = 2_000_000_000
  /// However large the tensors, the commonest forms are tried.
  private static let fewestForms = 24

  @Sendable static func candidates(_ p: Provenance, _ side: RunSide) -> [Expression] {
    let found = projections(p).prefix(mostProjections)
    let usual = found.map { projection in (projection, usualForms(p, projection)) }
    let varied = usual.prefix(variedProjections).map { projection, forms in
      let masks = masks(p, projection)
      return (projection, forms.flatMap { $0.changed(width: projection.width, masks: masks) })
    }
    let most = max(fewestForms, work / max(1, found.map(\.cost).max() ?? 1))
    return (usual + varied).flatMap { projection, forms in forms.map { (projection, $0) } }
      .prefix(most).map { expression(p, $0.0, $0.1) }
  }

  /// Every number of heads and every mask, without and with rotary positions.
  private static func usualForms(_ p: Provenance, _ projection: Projection) -> [AttentionForm] {
    projection.heads.flatMap { heads in
      ([.none] + masks(p, projection)).flatMap { mask -> [AttentionForm] in
        let scale = 1 / (Double(projection.width) / Double(heads)).squareRoot()
        let form = AttentionForm(heads: heads, scale: scale, mask: mask)
        var rotary = form
        rotary.rotary = .init(base: 10_000, isInterleaved: false)
        return [form, rotary]
      }
    }
  }

  /// The same projections under a form's single changes: what a port may have instead.
  static func variations(_ p: Provenance, of expression: Expression) -> [Expression] {
    guard case .attention(let form)? = expression.steps.last else { return [] }
    return projections(p).filter {
      $0.origins == Array(expression.arguments.prefix($0.origins.count))
    }
    .flatMap { projection in
      form.changed(width: projection.width, masks: [.none] + masks(p, projection)).map {
        Self.expression(p, projection, $0)
      }
    }
  }

  /// Queries, keys and values among the origins.
  private struct Projection {
    /// Three places, or one of a tensor that holds all three.
    let origins: [Int]
    /// Of the queries.
    let width: Int
    /// How many heads there may be, the known number first.
    let heads: [Int]
    let items: Int
    let length: Int

    /// Multiplications of one try.
    var cost: Int { 2 * items * length * length * width }
  }

  private static func projections(_ p: Provenance) -> [Projection] {
    let near = Array(p.origins.indices.suffix(reach))
    let count = p.target.source.values.count
    var result: [Projection] = []
    for q in near {
      guard let query = sequence(p.origins[q].source), query.values.count == count else { continue }
      for k in near where k != q {
        for v in near where v != q && v != k {
          guard let key = sequence(p.origins[k].source), let value = sequence(p.origins[v].source),
            key.shape == value.shape, key.shape[0] == query.shape[0],
            query.shape[2] % max(1, key.shape[2]) == 0
          else { continue }
          result.append(
            Projection(
              origins: [q, k, v], width: query.shape[2], heads: heads(p.origins[q].source),
              items: query.shape[0], length: key.shape[1]))
        }
      }
    }
    for index in near {
      guard let packed = sequence(p.origins[index].source), packed.values.count == 3 * count,
        packed.shape[2] % 3 == 0
      else { continue }
      result.append(
        Projection(
          origins: [index], width: packed.shape[2] / 3,
          heads: divisors(packed.shape[2] / 3), items: packed.shape[0], length: packed.shape[1]))
    }
    // Later projections, in the order in which they were made, are the likelier ones.
    return result.sorted { likelihood($0) > likelihood($1) }
  }

  private static func likelihood(_ projection: Projection) -> Int {
    let isInOrder = projection.origins == projection.origins.sorted()
    return projection.origins.reduce(0, +) * 2 + (isInOrder ? 1 : 0)
  }

  /// (items, positions, features), with heads and width as one axis.
  private static func sequence(_ x: Tensor<Float>) -> Tensor<Float>? {
    switch x.shape.count {
    case 3: x
    case 4: x.reshaped([x.shape[0], x.shape[1], x.shape[2] * x.shape[3]])
    default: nil
    }
  }

  private static func heads(_ x: Tensor<Float>) -> [Int] {
    x.shape.count == 4 ? [x.shape[2]] : divisors(x.width)
  }

  private static func divisors(_ width: Int) -> [Int] {
    (1...max(1, width)).filter { width % $0 == 0 && $0 <= 64 }
      .sorted { ($0 == 1 ? 1 : 0, $0) < ($1 == 1 ? 1 : 0, $1) }
  }

  private static func masks(_ p: Provenance, _ projection: Projection) -> [AttentionForm.Mask] {
    let given = p.origins.indices.filter { index in
      let x = p.origins[index].source
      return x.values.count == projection.items * projection.length
        && x.values.allSatisfy { $0 == 0 || $0 == 1 }
    }
    return [.causal]
      + given.flatMap { [.padding($0), .causalPadding($0), .added($0)] }
  }

  private static func expression(
    _ p: Provenance, _ projection: Projection, _ form: AttentionForm
  ) -> Expression {
    let mask: Int? =
      switch form.mask {
      case .padding(let index), .causalPadding(let index), .added(let index): index
      case .none, .causal: nil
      }
    let names = projection.origins.map { p.origins[$0].title }.joined(separator: ", ")
    return Expression(
      steps: [.attention(form)], text: "attention(\(names))",
      arguments: projection.origins + (mask.map { [$0] } ?? [])
    ) { tensors in
      attend(tensors, projection.origins.count, form)
    }
  }

  private static func attend(
    _ tensors: [Tensor<Float>], _ projections: Int, _ form: AttentionForm
  ) -> Tensor<Float>? {
    var parts = tensors.prefix(projections).compactMap(sequence).map { x in
      Tensor<Double>(x.shape, x.values.map { Double($0) })
    }
    if parts.count == 1, let packed = parts.first {
      let each = packed.width / 3
      parts = (0..<3).map { part in
        packed.columns(part * each..<(part + 1) * each)
          .reshaped([packed.shape[0], packed.shape[1], each])
      }
    }
    guard parts.count == 3, parts[0].width % form.heads == 0 else { return nil }
    let width = parts[0].width / form.heads
    guard parts.allSatisfy({ $0.width % width == 0 }) else { return nil }
    if form.isInterleaved { parts = parts.map { $0.withHeadsFirst(width: width) } }
    if let rotary = form.rotary {
      for index in 0..<2 {
        guard let turned = parts[index].rotated(rotary, width: width) else { return nil }
        parts[index] = turned
      }
    }
    let attention = DotProductAttention(
      heads: form.heads, scale: form.scale, axis: form.axis,
      mask: mask(form.mask, tensors.last, queries: parts[0].shape[1], keys: parts[1].shape[1]))
    guard var y = attention(parts[0], parts[1], parts[2]) else { return nil }
    if form.mergesWrongly {
      y = y.reshaped([y.shape[0], y.shape[1], form.heads, width]).permuted([0, 2, 1, 3])
    }
    return Tensor(y.shape, y.values.map { Float($0) })
  }

  private static func mask(
    _ mask: AttentionForm.Mask, _ given: Tensor<Float>?, queries: Int, keys: Int
  ) -> Tensor<Double>? {
    func padding(_ hidden: Double, _ shown: Double) -> Tensor<Double>? {
      given.map { x in
        Tensor([x.values.count / keys, 1, 1, keys], x.values.map { $0 == 0 ? hidden : shown })
      }
    }
    switch mask {
    case .none: return nil
    case .causal: return .causalMask(queries: queries, keys: keys)
    case .padding: return padding(-.infinity, 0)
    case .added: return padding(0, 1)
    case .causalPadding:
      guard let hidden = padding(-.infinity, 0) else { return nil }
      let causal = Tensor<Double>.causalMask(queries: queries, keys: keys)
      let values = (0..<hidden.shape[0]).flatMap { item in
        causal.values.indices.map { causal.values[$0] + hidden.values[item * keys + $0 % keys] }
      }
      return Tensor([hidden.shape[0], 1, queries, keys], values)
    }
  }
}

extension Tensor<Double> {
  /// Features that are (width, heads), as (heads, width).
  fileprivate func withHeadsFirst(width: Int) -> Tensor {
    reshaped([rows, width, self.width / width]).permuted([0, 2, 1]).reshaped(shape)
  }

  /// (items, positions, heads · width), every pair of features turned by its position's angle.
  fileprivate func rotated(_ rotary: AttentionForm.Rotary, width: Int) -> Tensor? {
    guard shape.count == 3, width % 2 == 0 else { return nil }
    var result = self
    let half = width / 2
    let angles = (0..<half).map { Double.rotaryFrequency($0, width, rotary.base) }
    for row in 0..<rows {
      let position = Double(row % shape[1])
      for head in 0..<self.width / width {
        let start = row * self.width + head * width
        for pair in 0..<half {
          let (a, b) =
            rotary.isInterleaved
            ? (start + 2 * pair, start + 2 * pair + 1) : (start + pair, start + pair + half)
          let (sine, cosine) = Double.sineAndCosine(position * angles[pair])
          result.values[a] = values[a] * cosine - values[b] * sine
          result.values[b] = values[b] * cosine + values[a] * sine
        }
      }
    }
    return result
  }
}
