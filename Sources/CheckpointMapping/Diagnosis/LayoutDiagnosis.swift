public import CheckpointCore

/// What was done to a tensor that has the right shape and the wrong elements.
///
/// Each known mistake is a rearrangement of the right elements; one is named only where every
/// element stands where that mistake puts it.
public struct LayoutDiagnosis: Sendable {
  public let shape: Shape
  public let role: Role?
  public let heads: Int?

  public init(shape: Shape, role: Role?, heads: Int?) {
    self.shape = shape
    self.role = role
    self.heads = heads
  }

  /// - Parameters:
  ///   - found: the elements in C order.
  ///   - expected: the right ones.
  /// - Returns: the mistake, as a phrase that follows the tensor's name; `nil` where none explains
  ///   it, or where the elements are equal.
  public func explain(found: [Double], expected: [Double]) -> String? {
    guard found.count == shape.count, expected.count == shape.count, found != expected else {
      return nil
    }
    if found.allSatisfy({ $0 == 0 }) { return "is all zeros" }
    return rearrangement(found: found, expected: expected) ?? valueChange(found, expected)
  }

  /// Of the mistakes, those that move elements and change none.
  public func rearrangement(found: [Double], expected: [Double]) -> String? {
    guard found.count == shape.count, expected.count == shape.count, found != expected else {
      return nil
    }
    for candidate in rearrangements where fits(found, expected, candidate.source) {
      return candidate.phrase
    }
    return found.sorted() == expected.sorted() ? "holds the right numbers in another order" : nil
  }

  /// As `rearrangement`, of elements that were also cast or trained on: the mistake that brings the
  /// right elements far nearer to the found ones than leaving them in place does. Looks at a few
  /// thousand elements, spread over the tensor.
  public func resemblance(found: [Double], expected: [Double]) -> String? {
    guard found.count == shape.count, expected.count == shape.count, found != expected else {
      return nil
    }
    let positions = Self.sample(of: shape.count)
    let (extents, strides) = (shape.dimensions, shape.strides)
    func distance(_ source: ([Int]) -> [Int]) -> Double {
      positions.reduce(0.0) { sum, position in
        let index = zip(strides, extents).map { position / $0 % $1 }
        let from = zip(source(index), strides).reduce(0) { $0 + $1.0 * $1.1 }
        guard expected.indices.contains(from) else { return .infinity }
        let difference = found[position] - expected[from]
        return sum + difference * difference
      }
    }
    let inPlace = distance { $0 }
    return rearrangements.first { distance($0.source) <= Self.resemblanceMargin * inPlace }?.phrase
  }

  /// Of the energy that the difference in place has, at most this part may be left: equal tensors
  /// that were only cast or trained on differ in nothing that a rearrangement explains.
  public static let resemblanceMargin = 0.05
  private static let sampleCount = 4096

  /// Positions spread over `count` elements by a step that shares no factor with most extents.
  public static func sample(of count: Int) -> [Int] {
    guard count > sampleCount else { return Array(0..<count) }
    let step = 40_503
    return (0..<sampleCount).map { ($0 &* step &+ $0 / 7 * 13) % count }
  }

  private struct Rearrangement {
    let phrase: String
    /// The index of the right element that stands at an index of the wrong tensor.
    let source: ([Int]) -> [Int]
  }

  private func fits(
    _ found: [Double], _ expected: [Double], _ source: ([Int]) -> [Int]
  ) -> Bool {
    let (extents, strides) = (shape.dimensions, shape.strides)
    var index = [Int](repeating: 0, count: extents.count)
    for value in found {
      let position = zip(source(index), strides).reduce(0) { $0 + $1.0 * $1.1 }
      guard expected.indices.contains(position), expected[position] == value else { return false }
      for axis in extents.indices.reversed() {
        index[axis] += 1
        if index[axis] < extents[axis] { break }
        index[axis] = 0
      }
    }
    return true
  }

  private var rearrangements: [Rearrangement] {
    var list: [Rearrangement] = []
    switch role {
    case .gruInputKernel, .gruRecurrentKernel, .gruInputBias, .gruRecurrentBias: list += gates
    case .attentionQKVKernel, .attentionQKVBias: list += packings
    default: break
    }
    if shape.rank == 4 { return list + kernels }
    if shape.rank >= 2, shape.dimensions[shape.rank - 1] == shape.dimensions[shape.rank - 2] {
      list.append(
        Rearrangement(phrase: "is transposed") {
          $0.dropLast(2) + [$0[$0.count - 1], $0[$0.count - 2]]
        })
    }
    return list + reshaped
  }

  /// The gates in another order, or each gate's matrix transposed.
  private var gates: [Rearrangement] {
    let rows = shape.dimensions[0] / 3
    guard rows > 0, shape.dimensions[0] % 3 == 0 else { return [] }
    let names = ["reset", "update", "candidate"]
    let orders = [[1, 0, 2], [0, 2, 1], [2, 1, 0], [1, 2, 0], [2, 0, 1]]
    var list = orders.map { order in
      Rearrangement(
        phrase: "has its gates in the order \(order.map { names[$0] }.joined(separator: ", ")) "
          + "instead of \(names.joined(separator: ", "))"
      ) { [order[$0[0] / rows] * rows + $0[0] % rows] + $0.dropFirst() }
    }
    if shape.rank == 2, shape.dimensions[1] == rows {
      list.append(
        Rearrangement(phrase: "has each gate's matrix transposed") {
          [$0[0] / rows * rows + $0[1], $0[0] % rows]
        })
    }
    return list
  }

  /// Query, key and value one after another instead of head by head.
  private var packings: [Rearrangement] {
    guard let heads, heads > 0, shape.dimensions[0] % (3 * heads) == 0 else { return [] }
    let width = shape.dimensions[0] / (3 * heads)
    return [
      Rearrangement(
        phrase: "has all queries, all keys, then all values, instead of these three per head"
      ) { index in
        let (part, rest) = index[0].quotientAndRemainder(dividingBy: heads * width)
        let (head, row) = rest.quotientAndRemainder(dividingBy: width)
        return [(3 * head + part) * width + row] + index.dropFirst()
      }
    ]
  }

  /// A convolution's kernel with its spatial axes flipped or swapped, or its channels swapped.
  private var kernels: [Rearrangement] {
    let extents = shape.dimensions
    var list = [
      Rearrangement(phrase: "has its input channels in reverse order") {
        [$0[0], extents[1] - 1 - $0[1], $0[2], $0[3]]
      }
    ]
    for swapsChannels in [false, true] where !swapsChannels || extents[0] == extents[1] {
      for swapsSpace in [false, true] where !swapsSpace || extents[2] == extents[3] {
        for (flipsRows, flipsColumns) in [
          (false, false), (true, true), (true, false), (false, true),
        ]
        where swapsChannels || swapsSpace || flipsRows || flipsColumns {
          let flips =
            flipsRows && flipsColumns
            ? "its kernel turned by half a turn (both spatial axes flipped)"
            : flipsRows ? "its rows flipped" : flipsColumns ? "its columns flipped" : nil
          let parts = [
            swapsChannels ? "its input and output channels swapped" : nil,
            swapsSpace ? "its spatial axes transposed" : nil, flips,
          ]
          list.append(
            Rearrangement(phrase: "has " + parts.compactMap(\.self).joined(separator: " and ")) {
              index in
              let space = swapsSpace ? [index[3], index[2]] : [index[2], index[3]]
              return [
                index[swapsChannels ? 1 : 0], index[swapsChannels ? 0 : 1],
                flipsRows ? extents[2] - 1 - space[0] : space[0],
                flipsColumns ? extents[3] - 1 - space[1] : space[1],
              ]
            })
        }
      }
    }
    return list + reshaped
  }

  /// The source's elements under the target's shape, none of them moved.
  private var reshaped: [Rearrangement] {
    guard let transform = role?.transform(to: shape, heads: heads), transform.placements.count == 1,
      transform.zeros.isEmpty, !transform.isCopy
    else { return [] }
    let placement = transform.placements[0]
    let strides = placement.shape.strides
    return [
      Rearrangement(phrase: "was given its shape without moving an element") { index in
        // The position in the file is an index of the source, which belongs elsewhere.
        var position = zip(index, shape.strides).reduce(0) { $0 + $1.0 * $1.1 }
        var target = placement.offset
        for (axis, stride) in strides.enumerated() {
          target += position / stride * placement.strides[axis]
          position %= stride
        }
        return shape.strides.map { stride in
          defer { target %= stride }
          return target / stride
        }
      }
    ]
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
    guard let index = expected.indices.max(by: { expected[$0].magnitude < expected[$1].magnitude }),
      expected[index] != 0
    else { return nil }
    let factor = found[index] / expected[index]
    let isScaled = zip(found, expected).allSatisfy {
      ($0 - $1 * factor).magnitude <= 1e-6 * ($1 * factor).magnitude
    }
    return isScaled && factor != 0 && factor.isFinite ? "is multiplied by \(Float(factor))" : nil
  }
}
