import ReferenceLayers

/// Attention over the latest projections: queries, keys and values of calls of their own, or of one.
enum AttentionFamily {
  /// Of the latest origins, those that may be projections.
  private static let reach = 8
  /// Triples of them that are tried in the usual forms, and those of which more is tried.
  private static let mostProjections = 12
  private static let variedProjections = 4
  /// Multiplications that one search may take: half a second's work.
  private static let work = 1_000_000_000
  /// What one try costs beside its multiplications, in those.
  private static let overhead = 100_000
  /// However large the tensors, the commonest forms are tried.
  private static let fewestForms = 24

  @Sendable static func candidates(_ p: Provenance, _ side: RunSide) -> [Expression] {
    let found = projections(p).prefix(mostProjections)
    let usual = found.map { projection in (projection, usualForms(p, projection)) }
    let varied = usual.prefix(variedProjections).map { projection, forms in
      let masks = masks(p, projection)
      return (projection, forms.flatMap { $0.changed(width: projection.width, masks: masks) })
    }
    let most = max(fewestForms, work / (overhead + (found.map(\.cost).max() ?? 0)))
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
    return projections(p).filter { projection in
      zip(projection.origins, expression.arguments).allSatisfy { $0 === $1 }
    }
    .flatMap { projection in
      form.changed(width: projection.width, masks: [.none] + masks(p, projection)).map {
        Self.expression(p, projection, $0)
      }
    }
  }

  /// Queries, keys and values among the origins.
  private struct Projection {
    /// Queries, keys and values, or one tensor that holds all three.
    let origins: [Origin]
    /// Later projections, in the order in which they were made, are the likelier ones.
    let likelihood: Int
    /// Of the queries.
    let width: Int
    /// How many heads there may be, the known number first.
    let heads: [Int]
    let items: Int
    let queries: Int
    /// Of keys and values.
    let length: Int

    /// Multiplications of one try.
    var cost: Int { 2 * items * queries * length * width }
  }

  private static func projections(_ p: Provenance) -> [Projection] {
    let near = Array(p.recent.suffix(reach))
    let count = p.target.count
    var result: [Projection] = []
    for (index, q) in near.enumerated() where q.count == count {
      for (second, k) in near.enumerated() where second != index {
        for (third, v) in near.enumerated() where third != index {
          guard let query = sequence(q.shape), let key = sequence(k.shape),
            let value = sequence(v.shape), key == value, key[0] == query[0],
            query[2] % max(1, key[2]) == 0
          else { continue }
          let isInOrder = index < second && second < third
          result.append(
            Projection(
              origins: [q, k, v],
              likelihood: (index + second + third) * 4 + (isInOrder ? 2 : 0)
                - (second == third ? 8 : 0), width: query[2], heads: heads(q.shape),
              items: query[0], queries: query[1], length: key[1]))
        }
      }
    }
    for (index, origin) in near.enumerated() {
      guard let packed = sequence(origin.shape), origin.count == 3 * count, packed[2] % 3 == 0
      else { continue }
      result.append(
        Projection(
          origins: [origin], likelihood: index * 12, width: packed[2] / 3,
          heads: divisors(packed[2] / 3), items: packed[0], queries: packed[1],
          length: packed[1]))
    }
    return result.sorted { $0.likelihood > $1.likelihood }
  }

  /// (items, positions, features), with heads and width as one axis.
  private static func sequence(_ shape: [Int]) -> [Int]? {
    switch shape.count {
    case 3: shape
    case 4: [shape[0], shape[1], shape[2] * shape[3]]
    default: nil
    }
  }

  private static func heads(_ shape: [Int]) -> [Int] {
    shape.count == 4 ? [shape[2]] : divisors(shape.last ?? 1)
  }

  private static func divisors(_ width: Int) -> [Int] {
    (1...max(1, width)).filter { width % $0 == 0 && $0 <= 64 }
      .sorted { ($0 == 1 ? 1 : 0, $0) < ($1 == 1 ? 1 : 0, $1) }
  }

  /// What may hide keys: later positions; what a model was given of items and keys; and biases of
  /// queries and keys, of every head or of all, that are added.
  private static func masks(_ p: Provenance, _ projection: Projection) -> [AttentionForm.Mask] {
    let given = p.recent.filter { origin in
      origin.count == projection.items * projection.length
        && (origin.values(.source)?.values.allSatisfy { $0 == 0 || $0 == 1 } ?? false)
    }
    let (queries, keys) = (projection.queries, projection.length)
    let biases = p.recent.filter { origin in
      let shape = origin.shape.filter { $0 > 1 }
      guard (2...4).contains(shape.count), shape.filter({ $0 == queries }).count >= 1,
        shape.contains(keys), origin.count % (queries * keys) == 0
      else { return false }
      return projection.heads.contains(origin.count / (queries * keys)) || shape.count == 2
    }
    let uses =
      given.flatMap {
        [AttentionForm.Mask.Given(use: .hidden, origin: $0), .init(use: .added, origin: $0)]
      }
      + biases.map { AttentionForm.Mask.Given(use: .bias, origin: $0) }
    return [AttentionForm.Mask(causal: 0)]
      + uses.flatMap { [.init(given: $0), .init(causal: 0, given: $0)] }
  }

  private static func expression(
    _ p: Provenance, _ projection: Projection, _ form: AttentionForm
  ) -> Expression {
    let names = projection.origins.map(\.title).joined(separator: ", ")
    return Expression(
      [.attention(form)], "attention(\(names))",
      projection.origins + (form.mask.given.map { [$0.origin] } ?? []), isElementwise: false,
      isPerItem: form.mask.given?.use != .bias
    ) { tensors in
      attend(tensors, projection.origins.count, form)
    }
  }

  private static func attend(
    _ tensors: [Tensor<Float>], _ projections: Int, _ form: AttentionForm
  ) -> Tensor<Float>? {
    var parts = tensors.prefix(projections).compactMap { x in
      sequence(x.shape).map { Tensor<Double>($0, x.values.map { Double($0) }) }
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
      heads: form.heads, scale: form.scale * form.temperature, axis: form.axis,
      mask: mask(
        form.mask, tensors.last, heads: form.heads, queries: parts[0].shape[1],
        keys: parts[1].shape[1]
      )?.scaled(by: form.temperature))
    guard var y = attention(parts[0], parts[1], parts[2]) else { return nil }
    if form.mergesWrongly {
      y = y.reshaped([y.shape[0], y.shape[1], form.heads, width]).permuted([0, 2, 1, 3])
    }
    return Tensor(y.shape, y.values.map { Float($0) })
  }

  private static func mask(
    _ mask: AttentionForm.Mask, _ given: Tensor<Float>?, heads: Int, queries: Int, keys: Int
  ) -> Tensor<Double>? {
    func keyMask(_ hidden: Double, _ shown: Double) -> Tensor<Double>? {
      given.map { x in
        Tensor([x.values.count / keys, 1, 1, keys], x.values.map { $0 == 0 ? hidden : shown })
      }
    }
    let earlier = mask.causal.map {
      Tensor<Double>.causalMask(queries: queries, keys: keys, offset: $0)
    }
    let own: Tensor<Double>? =
      switch mask.given?.use {
      case nil: nil
      case .hidden: keyMask(-.infinity, 0)
      case .added: keyMask(0, 1)
      case .bias: given?.bias(heads: heads, queries: queries, keys: keys)
      }
    guard let own, let earlier else { return own ?? earlier }
    return own.added(earlier)
  }
}

extension Tensor<Float> {
  /// (…, queries, keys), with the heads before or behind them, as (1, heads or 1, queries, keys).
  fileprivate func bias(heads: Int, queries: Int, keys: Int) -> Tensor<Double>? {
    let own = shape.filter { $0 > 1 }
    let x = Tensor<Double>(own, values.map { Double($0) })
    if own == [queries, keys] { return x.reshaped([1, 1, queries, keys]) }
    if own == [queries, keys, heads] {
      return x.permuted([2, 0, 1]).reshaped([1, heads, queries, keys])
    }
    return own == [heads, queries, keys] ? x.reshaped([1, heads, queries, keys]) : nil
  }
}

extension Tensor<Double> {
  /// Another mask, of (1, 1, queries, keys), added to this one of items or heads.
  fileprivate func added(_ other: Tensor) -> Tensor {
    let (queries, keys) = (other.shape[2], other.shape[3])
    let isOfKeys = shape[2] == 1
    let planes = shape[0] * shape[1]
    let values = (0..<planes).flatMap { plane in
      other.values.indices.map { place in
        other.values[place]
          + self.values[
            isOfKeys ? plane * keys + place % keys : plane * queries * keys + place]
      }
    }
    return Tensor([shape[0], shape[1], queries, keys], values)
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
