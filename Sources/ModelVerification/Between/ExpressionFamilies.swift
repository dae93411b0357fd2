import ReferenceLayers

/// The known computations between calls, from the simplest on: each gives candidates for a tensor.
enum ExpressionFamilies {
  typealias Family = @Sendable (Provenance, RunSide) -> [Expression]

  /// Those of single elements: a few elements tell all but the right ones apart.
  static let elementwise: [Family] = [
    { ElementwiseSearch($0, $1).single }, { ElementwiseSearch($0, $1).sums },
    { ElementwiseSearch($0, $1).lines }, limits, { ElementwiseSearch($0, $1).products },
    { ElementwiseSearch($0, $1).weightedSums }, { ElementwiseSearch($0, $1).scaledSums },
    { ElementwiseSearch($0, $1).threeSums }, dropout,
  ]

  static let all: [Family] =
    elementwise + [
      { p, side in p.reversals }, { p, side in p.rearranged(side) },
      { p, _ in p.selections }, { p, _ in p.poolings }, { p, _ in p.resizings },
      AttentionFamily.candidates,
      { p, side in p.tied(side) }, { p, side in p.concatenations(side) },
      { p, side in p.withParameter(side) }, { p, side in p.tables(side) },
    ]

  /// A tensor whose elements stay within limits, which are those of the result.
  @Sendable private static func limits(_ p: Provenance, _ side: RunSide) -> [Expression] {
    guard let values = p.target.values(side)?.values, let low = values.min(),
      let high = values.max(), low < high
    else { return [] }
    // A limit is met more than once.
    let isLow = values.count(where: { $0 == low }) > 1
    let isHigh = values.count(where: { $0 == high }) > 1
    guard isLow || isHigh else { return [] }
    return p.equals.map { origin in
      Expression(origin).followed(
        by: .limits(low, high), "\(origin.title) within \(low) and \(high)", isElementwise: true
      ) {
        Tensor(
          $0.shape, $0.values.map { isLow && $0 < low ? low : isHigh && $0 > high ? high : $0 })
      }
    }
  }

  /// Some elements zero, the others larger by one factor.
  @Sendable private static func dropout(_ p: Provenance, _ side: RunSide) -> [Expression] {
    guard let values = p.target.values(side)?.values, values.contains(0) else { return [] }
    return p.equals.compactMap { origin in
      let kept = zip(origin.samples(side), p.target.samples(side)).first { $0.0 != 0 && $0.1 != 0 }
      guard let kept, case let factor = kept.1 / kept.0, factor > 1.001 else { return nil }
      return Expression(origin).followed(by: .dropout, "dropout(\(origin.title))") { x in
        guard x.values.count == values.count else { return nil }
        return Tensor(x.shape, zip(x.values, values).map { $1 == 0 ? 0 : $0 * factor })
      }
    }
  }
}

extension Expression {
  func under(_ activation: Activation) -> Expression {
    guard activation.name != "identity" else { return self }
    return followed(
      by: .activation(activation.name), "\(activation.name)(\(text))", isElementwise: true
    ) { $0.mapped(activation.value) }
  }

  func scaled(_ factor: Float, _ more: Float) -> Expression {
    followed(
      by: .affine(factor, more), "\(text) * \(factor)" + (more == 0 ? "" : " + \(more)"),
      isElementwise: true
    ) { Tensor($0.shape, $0.values.map { $0 * factor + more }) }
  }

  func plus(_ other: Expression) -> Expression {
    joined(.sum, "\(text) + \(other.text)", other, +)
  }

  func times(_ other: Expression) -> Expression {
    joined(.product, "\(text) * \(other.text)", other, *)
  }
}
