import ReferenceLayers

/// The known computations between calls, from the simplest on: each gives candidates for a tensor.
enum ExpressionFamilies {
  typealias Family = @Sendable (Provenance, RunSide) -> [Expression]

  static let all: [Family] = [
    identities, { p, side in p.rearranged(identities(p, side)) },
    { p, side in activated(identities(p, side)) }, sums, scalings,
    { p, side in activated(sums(p, side)) }, products, { p, _ in p.concatenations },
    { p, _ in p.selections }, { p, _ in activated(p.selections) },
    { p, side in activated(identities(p, side)).flatMap { p.selections(of: $0) } },
    { p, _ in p.poolings }, AttentionFamily.candidates,
    { p, side in p.rearranged(activated(identities(p, side)) + sums(p, side) + p.poolings) },
  ]

  /// How many of the latest origins pairs are made of.
  private static let pairReach = 12

  @Sendable private static func identities(_ p: Provenance, _ side: RunSide) -> [Expression] {
    p.equals.map { index in
      Expression(steps: [], text: p.origins[index].title, arguments: [index]) { $0[0] }
    }
  }

  private static func activated(_ expressions: [Expression]) -> [Expression] {
    expressions.flatMap { expression in
      Activation.all.dropFirst().map { activation in
        expression.followed(
          by: .activation(activation.name), "\(activation.name)(\(expression.text))"
        ) { $0.mapped(activation.value) }
      }
    }
  }

  private static func pairs(_ p: Provenance) -> [(Int, Int)] {
    let near = p.equals.prefix(pairReach)
    return near.flatMap { a in near.filter { $0 < a }.map { (a, $0) } }
  }

  @Sendable private static func sums(_ p: Provenance, _ side: RunSide) -> [Expression] {
    pairs(p).map { a, b in
      Expression(
        steps: [.sum], text: "\(p.origins[b].title) + \(p.origins[a].title)", arguments: [b, a]
      ) { $0[0].combined($0[1]) { $0 + $1 } }
    }
  }

  /// Gates: one tensor, under an activation, times another.
  @Sendable private static func products(_ p: Provenance, _ side: RunSide) -> [Expression] {
    pairs(p).flatMap { pair in
      [(pair.0, pair.1), (pair.1, pair.0)].flatMap { a, b in
        Activation.all.map { activation in
          let isPlain = activation.name == "identity"
          let (x, y) = (p.origins[a].title, p.origins[b].title)
          return Expression(
            steps: (isPlain ? [] : [.activation(activation.name)]) + [.product],
            text: isPlain ? "\(x) * \(y)" : "\(activation.name)(\(x)) * \(y)", arguments: [a, b]
          ) { $0[0].mapped(activation.value).combined($0[1]) { $0 * $1 } }
        }
      }
    }
  }

  /// One tensor times a number, read off its largest element.
  @Sendable private static func scalings(_ p: Provenance, _ side: RunSide) -> [Expression] {
    p.equals.compactMap { index in
      let (x, y) = (p.origins[index].values(side).values, p.target.values(side).values)
      guard let largest = x.indices.max(by: { x[$0].magnitude < x[$1].magnitude }),
        x[largest] != 0
      else { return nil }
      let factor = y[largest] / x[largest]
      guard factor.isFinite, factor != 0 else { return nil }
      return Expression(
        steps: [.scaling(factor)], text: "\(p.origins[index].title) * \(factor)",
        arguments: [index]
      ) { $0[0].scaled(by: factor) }
    }
  }
}

extension Provenance {
  /// What a wrong reshape makes: the axes read in their own order, or two exchanged that should not be.
  func rearranged(_ expressions: [Expression]) -> [Expression] {
    expressions.flatMap { expression -> [Expression] in
      guard let shape = expression.value(origins, .source)?.shape.filter({ $0 > 1 }),
        (2...5).contains(shape.count), shape.reduce(1, *) == target.source.values.count
      else { return [] }
      let letters = shape.indices.map { String(UnicodeScalar(UInt8(97 + $0))) }
      return Aligner.orders(shape.count).dropFirst().map { order in
        let text = order.map { letters[$0] }.joined(separator: " ")
        return expression.followed(
          by: .rearrangement(order),
          "\(expression.text) as (\(letters.joined(separator: " ")) -> \(text))"
        ) { $0.reshaped(shape).permuted(order) }
      }
    }
  }

  /// Two tensors side by side along an axis, each perhaps after an activation.
  var concatenations: [Expression] {
    let near = Array(origins.indices.suffix(Self.concatenationReach))
    let activations = Activation.all.prefix(Self.joinedActivations)
    return near.flatMap { a in
      near.filter { $0 != a }.flatMap { b -> [Expression] in
        let (x, y) = (origins[a].source, origins[b].source)
        guard y.shape.count == x.shape.count,
          x.values.count + y.values.count == target.source.values.count
        else { return [] }
        return activations.flatMap { first in
          activations.flatMap { second in
            x.shape.indices.map { joined(a, first, b, second, axis: $0) }
          }
        }
      }
    }
  }

  private func joined(
    _ a: Int, _ first: Activation, _ b: Int, _ second: Activation, axis: Int
  ) -> Expression {
    func text(_ index: Int, _ activation: Activation) -> String {
      let title = origins[index].title
      return activation.name == "identity" ? title : "\(activation.name)(\(title))"
    }
    return Expression(
      steps: [.concatenation(axis: axis)],
      text: "[\(text(a, first)), \(text(b, second))] along axis \(axis)", arguments: [a, b]
    ) { $0[0].mapped(first.value).concatenated($0[1].mapped(second.value), axis: axis) }
  }

  /// The activations that are tried in what is joined: the commonest.
  private static let joinedActivations = 6

  /// The skips of a U-Net reach over its inner levels.
  private static let concatenationReach = 30

  /// One place of an axis, or the mean or largest along one or two neighbouring axes.
  var selections: [Expression] {
    origins.indices.reversed().flatMap { index in
      selections(
        of: Expression(steps: [], text: origins[index].title, arguments: [index]) { $0[0] })
    }
  }

  func selections(of expression: Expression) -> [Expression] {
    let count = target.source.values.count
    guard let shape = expression.value(origins, .source)?.shape else { return [] }
    return shape.indices.flatMap { axis -> [Expression] in
      (1...2).flatMap { width -> [Expression] in
        guard axis + width <= shape.count else { return [] }
        let extent = shape[axis..<axis + width].reduce(1, *)
        guard extent > 1, count * extent == shape.reduce(1, *) else { return [] }
        return Reduction.all.map { reduction in
          expression.followed(
            by: .selection(reduction.name, axis: axis),
            "\(reduction.name) of \(expression.text) along axis \(axis)"
          ) { $0.reduced(reduction, axis: axis, width: width) }
        }
      }
    }
  }

  /// Windows of an image, (items, height, width, channels), perhaps after an activation.
  var poolings: [Expression] {
    let count = target.source.values.count
    return origins.indices.reversed().flatMap { index -> [Expression] in
      let (shape, title) = (origins[index].source.shape, origins[index].title)
      guard shape.count == 4, shape.reduce(1, *) > count else { return [] }
      return Activation.all.flatMap { activation -> [Expression] in
        let plain = Expression(steps: [], text: title, arguments: [index]) { $0[0] }
        let x =
          activation.name == "identity"
          ? plain
          : plain.followed(by: .activation(activation.name), "\(activation.name)(\(title))") {
            $0.mapped(activation.value)
          }
        return [2, 3].filter { shape[1] / $0 * (shape[2] / $0) * shape[0] * shape[3] == count }
          .flatMap { window in
            [true, false].map { isMaximum in
              x.followed(
                by: .pooling(isMaximum: isMaximum, window: window),
                "the \(isMaximum ? "largest" : "mean") of windows of \(window) of \(x.text)"
              ) { $0.pooled(isMaximum: isMaximum, window: window) }
            }
          }
      }
    }
  }
}
