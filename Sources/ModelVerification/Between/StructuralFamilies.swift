import ReferenceLayers

/// Computations in which elements change their places, or are made from several.
extension Provenance {
  /// What a wrong reshape makes: axes exchanged that should not be, or not exchanged that should. The
  /// exchange is undone in the target, and what it was before is looked for.
  func rearranged(_ side: RunSide) -> [Expression] {
    var shapes: [[Int]] = []
    for origin in equals {
      let shape = origin.shape.filter { $0 > 1 }
      if (2...Self.maximumRank).contains(shape.count), !shapes.contains(shape) {
        shapes.append(shape)
      }
    }
    return shapes.prefix(Self.mostShapes).flatMap { shape in
      Aligner.orders(shape.count).dropFirst().compactMap { order in
        var back = order
        for (place, axis) in order.enumerated() { back[axis] = place }
        let before = target.derived("\(target.title) \(order)", shape, target.kind) {
          $0.reshaped(order.map { shape[$0] }).permuted(back)
        }
        let letters = shape.indices.map { String(UnicodeScalar(UInt8(97 + $0))) }
        return asking(of: before)?.find(side, in: ExpressionFamilies.elementwise).map { found in
          found.followed(
            by: .rearrangement(order),
            "\(found.text) as (\(letters.joined(separator: " ")) -> "
              + "\(order.map { letters[$0] }.joined(separator: " ")))"
          ) { $0.reshaped(shape).permuted(order) }
        }
      }
    }
  }

  /// 4! orders of as many axes, of so many shapes, are looked through.
  private static let maximumRank = 4
  private static let mostShapes = 4

  /// The places of an axis from the last to the first.
  var reversals: [Expression] {
    equals.filter { $0.kind != .parameter }.flatMap { origin in
      origin.shape.indices.filter { origin.shape[$0] > 1 }.map { axis in
        Expression(origin).followed(
          by: .reversal(axis: axis), "\(origin.title) from the end along axis \(axis)"
        ) { $0.flipped(axis..<axis + 1) }
      }
    }
  }

  /// One place of an axis, or the mean or largest along one or two neighbouring axes, perhaps of an
  /// activation.
  var selections: [Expression] {
    recent.reversed().filter { $0.count > target.count && $0.count % max(1, target.count) == 0 }
      .prefix(Self.reach).flatMap { origin in
        Activation.all.flatMap { selections(of: Expression(origin).under($0), origin.shape) }
      }
  }

  /// Of the latest tensors that may have become smaller, those that are looked at in every way.
  private static let reach = 4

  private func selections(of expression: Expression, _ shape: [Int]) -> [Expression] {
    shape.indices.flatMap { axis -> [Expression] in
      (1...2).flatMap { width -> [Expression] in
        guard axis + width <= shape.count else { return [] }
        let extent = shape[axis..<axis + width].reduce(1, *)
        guard extent > 1, target.count * extent == shape.reduce(1, *) else { return [] }
        return Reduction.all.map { reduction in
          expression.followed(
            by: .selection(reduction.name, axis: axis),
            "\(reduction.name) of \(expression.text) along axis \(axis)", isPerItem: axis > 0
          ) { $0.reduced(reduction, axis: axis, width: width) }
        }
      }
    }
  }

  /// Windows of an image, (items, height, width, channels), perhaps after an activation.
  var poolings: [Expression] {
    recent.reversed().filter { origin in
      origin.shape.count == 4 && PoolingForm.all.contains { $0.count(origin.shape) == target.count }
    }
    .prefix(Self.reach).flatMap { origin in
      Activation.all.flatMap { activation -> [Expression] in
        let x = Expression(origin).under(activation)
        return PoolingForm.all.filter { $0.count(origin.shape) == target.count }.map { form in
          x.followed(by: .pooling(form), "\(form) of \(x.text)", isPerItem: true) { form($0) }
        }
      }
    }
  }

  /// An image of more pixels of an activation; without one, sums have it among their parts.
  var resizings: [Expression] {
    let shape = target.shape
    return recent.reversed().filter { $0.canBeResized(to: shape) }.prefix(Self.reach).flatMap {
      origin in
      Activation.all.dropFirst().flatMap { activation -> [Expression] in
        let x = Expression(origin).under(activation)
        return Resizing.allCases.map { resizing in
          x.followed(
            by: .resizing(resizing), "\(resizing.rawValue) of \(x.text)", isPerItem: true
          ) { resizing($0, to: Array(shape[1...2])) }
        }
      }
    }
  }

  /// How near vectors are to the rows of an embedding's table, in any measure: a head that shares it.
  func tied(_ side: RunSide) -> [Expression] {
    parameters.filter(\.isEmbedding).map(\.origin).flatMap { table -> [Expression] in
      let (rows, width) = (table.shape.first ?? 0, table.shape.last ?? 0)
      guard table.shape.count == 2, rows > 0 else { return [] }
      return recent.reversed().filter {
        $0.shape.last == width && $0.count / width * rows == target.count
      }
      .compactMap { origin -> Expression? in
        let product = Expression(
          [.tied], "\(origin.title) times \(table.title)", [origin, table], isElementwise: false
        ) { $0[0].times($0[1]) }
        guard let x = product.value(side)?.values, let y = target.values(side)?.values,
          let (factor, more) = LeastSquares.line(x, y)
        else { return nil }
        return factor == 1 && more == 0 ? product : product.scaled(factor, more)
      }
    }
  }

  /// Tensors side by side along an axis: the first, or the last, an earlier one as it is or under an
  /// activation, and what is left made in any way.
  func concatenations(_ side: RunSide) -> [Expression] {
    let parts = recent.filter { $0.shape.count == target.shape.count }
    return target.shape.indices.dropFirst().flatMap { axis -> [Expression] in
      let whole = target.shape[axis]
      let beside = ends(axis, parts).flatMap { origin -> [Expression] in
        let extent = origin.shape[axis]
        return [0..<extent, whole - extent..<whole].flatMap { range -> [Expression] in
          joined(range, axis, side) { part in
            Activation.all.prefix(Self.joinedActivations).lazy
              .map { Expression(origin).under($0) }.first { part.explains($0, side) }
          }
        }
      }
      guard beside.isEmpty, depth == 0, whole > 1, whole % 2 == 0 else { return beside }
      return joined(0..<whole / 2, axis, side) { $0.find(side) }
    }
  }

  /// The origins that fit beside something else along an axis of the target, parameters too.
  private func ends(_ axis: Int, _ parts: [Origin]) -> [Origin] {
    let fitting = parts.filter { origin in
      origin.shape[axis] < target.shape[axis]
        && target.shape.indices.allSatisfy { $0 == axis || origin.shape[$0] == target.shape[$0] }
    }
    var one = target.shape
    one[axis] = 1
    return fitting.reversed()
      + (target.shape[axis] > 1 ? parameters.flatMap { $0.origins(for: one) } : [])
  }

  /// - Parameter make: how one of the parts was made.
  private func joined(
    _ range: Range<Int>, _ axis: Int, _ side: RunSide, _ make: (Provenance) -> Expression?
  ) -> [Expression] {
    let whole = target.shape[axis]
    let rest = range.lowerBound == 0 ? range.upperBound..<whole : 0..<range.lowerBound
    guard let first = asking(of: piece(axis, range)).flatMap(make),
      let second = asking(of: piece(axis, rest))?.find(side)
    else { return [] }
    let (a, b) = range.lowerBound == 0 ? (first, second) : (second, first)
    let count = a.arguments.count
    return [
      Expression(
        a.steps + b.steps + [.concatenation(axis: axis)],
        "[\(a.text), \(b.text)] along axis \(axis)", a.arguments + b.arguments,
        isElementwise: false
      ) { tensors in
        guard let x = a.make(Array(tensors.prefix(count))),
          let y = b.make(Array(tensors.dropFirst(count)))
        else { return nil }
        return x.reshaped(Self.with(axis, range.lowerBound == 0 ? range : rest, target.shape))
          .concatenated(
            y.reshaped(Self.with(axis, range.lowerBound == 0 ? rest : range, target.shape)),
            axis: axis)
      }
    ]
  }

  private static func with(_ axis: Int, _ range: Range<Int>, _ shape: [Int]) -> [Int] {
    var result = shape
    result[axis] = range.count
    return result
  }

  private func piece(_ axis: Int, _ range: Range<Int>) -> Origin {
    target.derived(target.title, Self.with(axis, range, target.shape), target.kind) {
      $0.window(axis: axis, range)
    }
  }

  /// The activations that are tried in what is joined: the commonest.
  private static let joinedActivations = 6

  /// A parameter added to what is made in any way.
  func withParameter(_ side: RunSide) -> [Expression] {
    guard depth == 0 else { return [] }
    return equals.filter { $0.kind == .parameter }.compactMap { [target] parameter in
      let rest = Origin(target.title, target.shape, target.kind) { side in
        guard let x = target.values(side), let y = parameter.values(side) else { return nil }
        return x.combined(y, -)
      }
      return asking(of: rest)?.find(side)?.plus(Expression(parameter))
    }
  }

  /// Something added that is the same for every item, perhaps to a multiple: read off the first item,
  /// and held against the others.
  func tables(_ side: RunSide) -> [Expression] {
    guard let items = target.shape.first, items > 1, let wanted = target.values(side)?.values else {
      return []
    }
    let each = wanted.count / items
    let activations = equals.filter { $0.kind != .parameter && $0.shape == target.shape }
    return activations.compactMap { origin in
      guard let x = origin.values(side)?.values else { return nil }
      func changes(_ values: [Float]) -> [Float] {
        values.indices.map { values[$0] - values[$0 % each] }
      }
      guard let (factor, _) = LeastSquares.line(changes(x), changes(wanted)) else { return nil }
      let table = (0..<each).map { wanted[$0] - x[$0] * factor }
      let scaled = factor == 1 ? Expression(origin) : Expression(origin).scaled(factor, 0)
      return scaled.followed(
        by: .table, "\(scaled.text) + a table that is the same for every item"
      ) { x in
        guard x.values.count % each == 0 else { return nil }
        return Tensor(x.shape, x.values.indices.map { x.values[$0] + table[$0 % each] })
      }
    }
  }
}

/// Windows of an image that become one pixel each.
struct PoolingForm: Equatable, CustomStringConvertible {
  let isMaximum: Bool
  let window: Int
  let stride: Int
  let padding: Int
  var countsPadding = true

  /// Side by side, and overlapping with and without a border.
  static let all: [PoolingForm] = [
    (2, 2, 0), (3, 3, 0), (4, 4, 0), (3, 2, 1), (3, 2, 0), (3, 1, 1), (2, 1, 0),
  ]
  .flatMap { window, stride, padding in
    [true, false].flatMap { isMaximum in
      (padding > 0 && !isMaximum ? [true, false] : [true]).map {
        PoolingForm(
          isMaximum: isMaximum, window: window, stride: stride, padding: padding,
          countsPadding: $0)
      }
    }
  }

  /// How many elements it makes of (items, height, width, channels).
  func count(_ shape: [Int]) -> Int {
    shape[1...2].reduce(shape[0] * shape[3]) { count, extent in
      count * max(0, (extent + 2 * padding - window) / stride + 1)
    }
  }

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float>? {
    Tensor<Double>(x.shape, x.values.map { Double($0) }).pooled(
      isMaximum: isMaximum, window: [window, window], stride: [stride, stride],
      padding: [[padding, padding], [padding, padding]], countsPadding: countsPadding
    ).map { Tensor($0.shape, $0.values.map { Float($0) }) }
  }

  var description: String {
    "the \(isMaximum ? "largest" : "mean") of windows of \(window)"
      + (stride == window ? "" : " in steps of \(stride)")
      + (padding == 0 ? "" : ", \(padding) around it")
      + (countsPadding || isMaximum ? "" : " that do not count")
  }
}

extension Tensor<Float> {
  /// (…, width) by (rows, width) → (…, rows)
  fileprivate func times(_ table: Tensor) -> Tensor {
    let product = Tensor<Double>([rows, width], values.map { Double($0) })
      .times(Tensor<Double>(table.shape, table.values.map { Double($0) }), transposed: true)
    return Tensor(shape.dropLast() + [table.rows], product.values.map { Float($0) })
  }
}
