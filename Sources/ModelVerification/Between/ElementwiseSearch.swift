import ReferenceLayers

/// Looks for a tensor among functions of single elements of earlier ones, by a few elements of each:
/// thousands of candidates cost little, for the first element tells most of them apart.
struct ElementwiseSearch {
  private let wanted: [Float]
  private let limit: Float
  private let side: RunSide
  /// The latest tensors, then all parameters.
  private let near: [Origin]
  private let all: [Origin]

  /// How many of the latest tensors pairs and triples are made of.
  private static let pairReach = 20
  private static let tripleReach = 12

  init(_ p: Provenance, _ side: RunSide) {
    self.side = side
    all = p.equals
    wanted = p.target.samples(side)
    limit = p.limit(side)
    near = Array(all.filter { $0.kind != .parameter }.prefix(Self.pairReach)) + parameters(all)
  }

  private func samples(_ origin: Origin) -> [Float] { origin.samples(side) }

  private func isWanted(_ value: (Int) -> Float) -> Bool {
    wanted.indices.allSatisfy { place in
      let (x, y) = (value(place), wanted[place])
      return (x - y).magnitude <= limit || x == y || (x.isNaN && y.isNaN)
    }
  }

  /// A tensor as it is, or under an activation.
  var single: [Expression] {
    var result: [Expression] = []
    for origin in all where isWanted(in: samples(origin)) { result.append(Expression(origin)) }
    for origin in all {
      for activation in Activation.all.dropFirst()
      where isWanted(in: origin.samples(side, under: activation)) {
        result.append(Expression(origin).under(activation))
      }
    }
    return result
  }

  private func isWanted(in x: [Float]) -> Bool {
    x.count == wanted.count && isWanted { x[$0] }
  }

  /// Every two, the later made last.
  private func pairs(_ body: (Origin, Origin) -> Void) {
    for last in near.indices {
      for first in near.indices where first > last { body(near[first], near[last]) }
    }
  }

  /// Residuals, of which one part or the sum may be under an activation.
  var sums: [Expression] {
    var result: [Expression] = []
    pairs { a, b in
      if isSum(samples(a), samples(b)) { result.append(Expression(a).plus(Expression(b))) }
    }
    guard result.isEmpty else { return result }
    pairs { a, b in
      let (x, y) = (samples(a), samples(b))
      for activation in Activation.all.dropFirst() {
        if isSum(a.samples(side, under: activation), y) {
          result.append(Expression(b).plus(Expression(a).under(activation)))
        }
        if isSum(x, b.samples(side, under: activation)) {
          result.append(Expression(a).plus(Expression(b).under(activation)))
        }
        if x.count == wanted.count, y.count == wanted.count,
          isWanted({ Float(activation.value(Double(x[$0] + y[$0]))) })
        {
          result.append(Expression(a).plus(Expression(b)).under(activation))
        }
      }
    }
    return result
  }

  private func isSum(_ x: [Float], _ y: [Float]) -> Bool {
    x.count == wanted.count && y.count == wanted.count && isWanted { x[$0] + y[$0] }
  }

  /// Gates: one tensor, under an activation, times another.
  var products: [Expression] {
    var result: [Expression] = []
    func test(_ a: Origin, _ b: Origin, _ activation: Activation) {
      let (x, y) = (a.samples(side, under: activation), samples(b))
      if x.count == wanted.count, y.count == wanted.count, isWanted({ x[$0] * y[$0] }) {
        result.append(Expression(a).under(activation).times(Expression(b)))
      }
    }
    pairs { a, b in
      for activation in Activation.all {
        test(a, b, activation)
        if activation.name != "identity" { test(b, a, activation) }
      }
    }
    return result
  }

  /// Times a number, and a number added, both read off a few elements; perhaps of an activation.
  var lines: [Expression] {
    all.flatMap { origin in
      Activation.all.compactMap { activation in
        let x = origin.samples(side, under: activation)
        guard let (factor, more) = LeastSquares.line(x, wanted), isWanted({ x[$0] * factor + more })
        else { return nil }
        return Expression(origin).under(activation).scaled(factor, more)
      }
    }
  }

  /// A sum with a number before each of the two.
  var weightedSums: [Expression] {
    var result: [Expression] = []
    pairs { a, b in
      let (x, y) = (samples(a), samples(b))
      guard let (p, q) = LeastSquares.plane(x, y, wanted), isWanted({ x[$0] * p + y[$0] * q })
      else { return }
      result.append(
        Expression(
          [.weightedSum(p, q)], "\(a.title) * \(p) + \(b.title) * \(q)", [a, b],
          isElementwise: true
        ) { $0[0].combined($0[1]) { $0 * p + $1 * q } })
    }
    return result
  }

  private var few: [Origin] { Array(near.prefix(Self.tripleReach)) }

  /// A residual of a branch that is scaled by a parameter, or gated.
  var scaledSums: [Expression] {
    var result: [Expression] = []
    for scale in few + parameters(all) {
      let z = samples(scale)
      for branch in few where branch !== scale {
        let y = samples(branch)
        for residual in few where residual !== branch && residual !== scale {
          let x = samples(residual)
          guard x.count == wanted.count, y.count == wanted.count, z.count == wanted.count,
            isWanted({ y[$0] * z[$0] + x[$0] })
          else { continue }
          result.append(
            Expression(branch).times(Expression(scale)).plus(Expression(residual)))
        }
      }
    }
    return result
  }

  var threeSums: [Expression] {
    let some = few + parameters(all)
    var result: [Expression] = []
    for c in some.indices {
      for b in some.indices where b > c {
        for a in some.indices where a > b {
          let (x, y, z) = (samples(some[a]), samples(some[b]), samples(some[c]))
          guard x.count == wanted.count, y.count == wanted.count, z.count == wanted.count,
            isWanted({ x[$0] + y[$0] + z[$0] })
          else { continue }
          result.append(
            Expression(some[a]).plus(Expression(some[b])).plus(Expression(some[c])))
        }
      }
    }
    return result
  }
}

private func parameters(_ origins: [Origin]) -> [Origin] {
  origins.filter { $0.kind == .parameter }
}
