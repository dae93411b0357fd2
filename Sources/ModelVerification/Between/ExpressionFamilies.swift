import ReferenceLayers

/// The known computations between calls, from the simplest on: each gives candidates for a tensor.
enum ExpressionFamilies {
  typealias Family = @Sendable (Provenance, RunSide) -> [Expression]

  static let all: [Family] = [
    identities, rearrangements, activations, sums, scalings, activatedSums, products,
    concatenations, selections, poolings, AttentionFamily.candidates,
  ]

  /// How many of the latest origins pairs are made of.
  private static let pairReach = 12

  /// The origins with as many elements as the target, the latest first.
  private static func equals(_ provenance: Provenance) -> [Int] {
    let count = provenance.target.source.values.count
    return provenance.origins.indices.reversed().filter {
      provenance.origins[$0].source.values.count == count
    }
  }

  @Sendable private static func identities(_ p: Provenance, _ side: RunSide) -> [Expression] {
    equals(p).map { index in
      Expression(kind: .identity, text: p.origins[index].title, arguments: [index]) { $0[0] }
    }
  }

  @Sendable private static func rearrangements(_ p: Provenance, _ side: RunSide) -> [Expression] {
    equals(p).flatMap { index -> [Expression] in
      let shape = p.origins[index].source.shape.filter { $0 > 1 }
      guard shape.count > 1, shape.count <= 5 else { return [] }
      // A wrong reshape reads the axes in their own order, or exchanges two that it should not.
      return Aligner.orders(shape.count).dropFirst().map { order in
        let letters = shape.indices.map { String(UnicodeScalar(UInt8(97 + $0))) }
        let text = order.map { letters[$0] }.joined(separator: " ")
        return Expression(
          kind: .rearranged,
          text: "\(p.origins[index].title) as (\(letters.joined(separator: " ")) -> \(text))",
          arguments: [index]
        ) { $0[0].reshaped(shape).permuted(order) }
      }
    }
  }

  @Sendable private static func activations(_ p: Provenance, _ side: RunSide) -> [Expression] {
    equals(p).flatMap { index in
      Activation.all.dropFirst().map { activation in
        Expression(
          kind: .activation(activation.name),
          text: "\(activation.name)(\(p.origins[index].title))", arguments: [index]
        ) { $0[0].mapped(activation.value) }
      }
    }
  }

  private static func pairs(_ p: Provenance) -> [(Int, Int)] {
    let near = equals(p).prefix(pairReach)
    return near.flatMap { a in near.filter { $0 < a }.map { (a, $0) } }
  }

  @Sendable private static func sums(_ p: Provenance, _ side: RunSide) -> [Expression] {
    pairs(p).map { a, b in
      Expression(
        kind: .sum, text: "\(p.origins[b].title) + \(p.origins[a].title)", arguments: [b, a]
      ) { $0[0].combined($0[1]) { $0 + $1 } }
    }
  }

  @Sendable private static func activatedSums(_ p: Provenance, _ side: RunSide) -> [Expression] {
    pairs(p).flatMap { a, b in
      Activation.all.dropFirst().map { activation in
        Expression(
          kind: .activation(activation.name),
          text: "\(activation.name)(\(p.origins[b].title) + \(p.origins[a].title))",
          arguments: [b, a]
        ) { $0[0].combined($0[1]) { $0 + $1 }?.mapped(activation.value) }
      }
    }
  }

  /// Gates: one tensor, under an activation, times another.
  @Sendable private static func products(_ p: Provenance, _ side: RunSide) -> [Expression] {
    pairs(p).flatMap { pair in
      [(pair.0, pair.1), (pair.1, pair.0)].flatMap { a, b in
        Activation.all.map { activation in
          Expression(
            kind: activation.name == "identity" ? .product : .activation(activation.name),
            text: "\(activation.name)(\(p.origins[a].title)) * \(p.origins[b].title)",
            arguments: [a, b]
          ) { $0[0].mapped(activation.value).combined($0[1]) { $0 * $1 } }
        }
      }
    }
  }

  /// One tensor times a number, read off its largest element.
  @Sendable private static func scalings(_ p: Provenance, _ side: RunSide) -> [Expression] {
    equals(p).compactMap { index in
      let (x, y) = (p.origins[index].values(side).values, p.target.values(side).values)
      guard let largest = x.indices.max(by: { x[$0].magnitude < x[$1].magnitude }),
        x[largest] != 0
      else { return nil }
      let factor = y[largest] / x[largest]
      guard factor.isFinite else { return nil }
      return Expression(
        kind: .scaled(factor), text: "\(p.origins[index].title) * \(factor)", arguments: [index]
      ) { $0[0].scaled(by: factor) }
    }
  }

  @Sendable private static func concatenations(_ p: Provenance, _ side: RunSide) -> [Expression] {
    let near = Array(p.origins.indices.suffix(2 * pairReach))
    let target = p.target.source
    return near.flatMap { a in
      near.filter { $0 != a }.flatMap { b -> [Expression] in
        let (x, y) = (p.origins[a].source, p.origins[b].source)
        guard x.shape.count == target.shape.count, y.shape.count == x.shape.count,
          x.values.count + y.values.count == target.values.count
        else { return [] }
        return x.shape.indices.map { axis in
          Expression(
            kind: .concatenation,
            text: "[\(p.origins[a].title), \(p.origins[b].title)] along axis \(axis)",
            arguments: [a, b]
          ) { $0[0].concatenated($0[1], axis: axis) }
        }
      }
    }
  }

  /// One place of an axis, or the mean or largest along one or two neighbouring axes.
  @Sendable private static func selections(_ p: Provenance, _ side: RunSide) -> [Expression] {
    let count = p.target.source.values.count
    return p.origins.indices.reversed().flatMap { index -> [Expression] in
      let (shape, title) = (p.origins[index].source.shape, p.origins[index].title)
      return shape.indices.flatMap { axis -> [Expression] in
        (1...2).flatMap { width -> [Expression] in
          guard axis + width <= shape.count else { return [] }
          let extent = shape[axis..<axis + width].reduce(1, *)
          guard extent > 1, count * extent == shape.reduce(1, *) else { return [] }
          return Reduction.all(extent: extent).map { reduction in
            Expression(
              kind: .selection, text: "\(reduction.name) of \(title) along axis \(axis)",
              arguments: [index]
            ) { $0[0].reduced(reduction, axis: axis, width: width) }
          }
        }
      }
    }
  }

  /// Windows of an image, (items, height, width, channels).
  @Sendable private static func poolings(_ p: Provenance, _ side: RunSide) -> [Expression] {
    let count = p.target.source.values.count
    return p.origins.indices.reversed().flatMap { index -> [Expression] in
      let (shape, title) = (p.origins[index].source.shape, p.origins[index].title)
      guard shape.count == 4, shape.reduce(1, *) > count else { return [] }
      return [2, 3].flatMap { window in
        [true, false].flatMap { isMaximum in
          Activation.all.prefix(2).map { activation in
            Expression(
              kind: .pooling,
              text: "\(isMaximum ? "largest" : "mean") of windows of \(window) of "
                + (activation.name == "identity" ? title : "\(activation.name)(\(title))"),
              arguments: [index]
            ) { tensors in
              let x = tensors[0].mapped(activation.value)
              return Tensor<Double>(x.shape, x.values.map { Double($0) }).pooled(
                isMaximum: isMaximum, window: [window, window], stride: [window, window],
                padding: [[0, 0], [0, 0]], countsPadding: true
              ).map { Tensor($0.shape, $0.values.map { Float($0) }) }
            }
          }
        }
      }
    }
  }
}
