import ReferenceLayers

/// What is done along an axis that is gone afterwards.
struct Reduction: Sendable {
  let name: String
  /// Of the elements along the axis.
  let value: @Sendable ([Float]) -> Float

  /// Those of a sum are the sum of those of its parts, and of a multiple the multiple.
  static let linear = [
    Reduction(name: "the first") { $0.first ?? 0 },
    Reduction(name: "the last") { $0.last ?? 0 },
    Reduction(name: "the mean") { Float($0.reduce(0.0) { $0 + Double($1) } / Double($0.count)) },
  ]

  static let all = linear + [Reduction(name: "the largest") { $0.max() ?? 0 }]
}

extension Tensor<Float> {
  func mapped(_ function: (Double) -> Double) -> Tensor {
    Tensor(shape, values.map { Float(function(Double($0))) })
  }

  /// Element by element; `nil` where the other has another count.
  func combined(_ other: Tensor, _ function: (Float, Float) -> Float) -> Tensor? {
    guard values.count == other.values.count else { return nil }
    return Tensor(shape, zip(values, other.values).map(function))
  }

  /// Repeated along the axes of one place that are longer in a shape of as many axes.
  func spread(over wanted: [Int]) -> Tensor {
    var result = self
    for axis in shape.indices where shape[axis] == 1 && wanted[axis] > 1 {
      let before = result.shape[..<axis].reduce(1, *)
      let after = result.shape[axis...].reduce(1, *)
      var repeated: [Float] = []
      repeated.reserveCapacity(result.values.count * wanted[axis])
      for block in 0..<before {
        let one = result.values[block * after..<(block + 1) * after]
        for _ in 0..<wanted[axis] { repeated += one }
      }
      var extents = result.shape
      extents[axis] = wanted[axis]
      result = Tensor(extents, repeated)
    }
    return result
  }

  /// Some places of an axis.
  func window(axis: Int, _ range: Range<Int>) -> Tensor {
    let before = shape[..<axis].reduce(1, *)
    let after = shape[(axis + 1)...].reduce(1, *)
    var result: [Float] = []
    result.reserveCapacity(before * range.count * after)
    for block in 0..<before {
      let start = block * shape[axis]
      result += values[(start + range.lowerBound) * after..<(start + range.upperBound) * after]
    }
    var extents = shape
    extents[axis] = range.count
    return Tensor(extents, result)
  }

  /// This and then the other along an axis; `nil` where the other extents differ.
  func concatenated(_ other: Tensor, axis: Int) -> Tensor? {
    guard shape.indices.contains(axis), shape.count == other.shape.count,
      shape.indices.allSatisfy({ $0 == axis || shape[$0] == other.shape[$0] })
    else { return nil }
    let before = shape[..<axis].reduce(1, *)
    let (a, b) = (shape[axis...].reduce(1, *), other.shape[axis...].reduce(1, *))
    var joined: [Float] = []
    joined.reserveCapacity(values.count + other.values.count)
    for block in 0..<before {
      joined += values[block * a..<(block + 1) * a]
      joined += other.values[block * b..<(block + 1) * b]
    }
    var extents = shape
    extents[axis] += other.shape[axis]
    return Tensor(extents, joined)
  }

  /// Without `width` axes from `axis` on.
  func reduced(_ reduction: Reduction, axis: Int, width: Int) -> Tensor {
    let before = shape[..<axis].reduce(1, *)
    let extent = shape[axis..<axis + width].reduce(1, *)
    let after = shape[(axis + width)...].reduce(1, *)
    var result: [Float] = []
    result.reserveCapacity(before * after)
    for block in 0..<before {
      for item in 0..<after {
        result.append(
          reduction.value((0..<extent).map { values[(block * extent + $0) * after + item] }))
      }
    }
    return Tensor(Array(shape[..<axis] + shape[(axis + width)...]), result)
  }
}
