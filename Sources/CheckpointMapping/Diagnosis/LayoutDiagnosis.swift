package import CheckpointCore

/// What was done to a tensor that has the right shape and the wrong elements.
///
/// Each known mistake is a rearrangement of the right elements; one is named only where every
/// element stands where that mistake puts it.
package struct LayoutDiagnosis: Sendable {
  private let shape: Shape
  private let mistakes: [MisplacedElements]

  /// - Parameter rule: how the tensor is made from others; `nil` where that is not known.
  package init(shape: Shape, rule: CompiledMapping.Tensor?) {
    self.shape = shape
    mistakes = LayoutMistakes(shape, rule).all
  }

  /// - Parameters:
  ///   - found: the elements in C order.
  ///   - expected: the right ones.
  /// - Returns: the mistake, as a phrase that follows the tensor's name; `nil` where none explains
  ///   it, or where the elements are equal.
  package func explain(found: [Double], expected: [Double]) -> String? {
    guard found.count == shape.count, expected.count == shape.count, found != expected else {
      return nil
    }
    if found.allSatisfy({ $0 == 0 }) { return "is all zeros" }
    return rearrangement(found: found, expected: expected) ?? valueChange(found, expected)
  }

  /// Of the mistakes, those that move elements and change none.
  package func rearrangement(found: [Double], expected: [Double]) -> String? {
    guard found.count == shape.count, expected.count == shape.count, found != expected else {
      return nil
    }
    if let mistake = mistakes.first(where: { $0.explains(found, expected) }) {
      return mistake.phrase
    }
    return found.sorted() == expected.sorted() ? "holds the right numbers in another order" : nil
  }

  /// As `rearrangement`, of elements that were also cast or trained on: the mistake that brings the
  /// right elements far nearer to the found ones than leaving them in place does. Looks at a few
  /// thousand elements, spread over the tensor.
  package func resemblance(found: [Double], expected: [Double]) -> String? {
    guard found.count == shape.count, expected.count == shape.count, found != expected else {
      return nil
    }
    let positions = Self.sample(of: shape.count)
    func distance(_ source: (Int) -> Int) -> Double {
      positions.reduce(0.0) { sum, position in
        let from = source(position)
        guard expected.indices.contains(from) else { return .infinity }
        let difference = found[position] - expected[from]
        return sum + difference * difference
      }
    }
    let inPlace = distance { $0 }
    return mistakes.first { distance($0.source) <= Self.resemblanceMargin * inPlace }?.phrase
  }

  /// Of the energy that the difference in place has, at most this part may be left: equal tensors
  /// that were only cast or trained on differ in nothing that a rearrangement explains.
  package static let resemblanceMargin = 0.05
  private static let sampleCount = 4096

  /// Positions spread over `count` elements by a step that shares no factor with most extents.
  package static func sample(of count: Int) -> [Int] {
    guard count > sampleCount else { return Array(0..<count) }
    let step = 40_503
    return (0..<sampleCount).map { ($0 &* step &+ $0 / 7 * 13) % count }
  }

  /// The right elements, rounded or scaled.
  private func valueChange(_ found: [Double], _ expected: [Double]) -> String? {
    // The smallest steps: of float16, subnormals included; bfloat16's are float32's own.
    let formats: [(name: String, digits: Int, step: Double, holds: (Double) -> Bool)] = [
      ("float16", 11, 0x1p-24, { Double(Float16($0)) == $0 }),
      ("bfloat16", 8, 0, { Float($0).bitPattern & 0xFFFF == 0 && Double(Float($0)) == $0 }),
    ]
    for format in formats where found.allSatisfy(format.holds) {
      // One unit in the last digit: twice what rounding to nearest may change.
      let unit = Double(sign: .plus, exponent: 1 - format.digits, significand: 1)
      if zip(found, expected).allSatisfy({
        ($0 - $1).magnitude <= max($1.magnitude * unit, format.step)
      }) {
        return "is rounded to \(format.name)"
      }
    }
    // One number is a multiple of any other.
    guard expected.count(where: { $0 != 0 }) > 1,
      let index = expected.indices.max(by: { expected[$0].magnitude < expected[$1].magnitude }),
      expected[index] != 0
    else { return nil }
    let factor = found[index] / expected[index]
    let isScaled = zip(found, expected).allSatisfy {
      ($0 - $1 * factor).magnitude <= 1e-6 * ($1 * factor).magnitude
    }
    return isScaled && factor != 0 && factor.isFinite ? "is multiplied by \(Float(factor))" : nil
  }
}
