import ReferenceLayers

/// What is done along an axis that is gone afterwards.
struct Reduction: Sendable {
  let name: String
  /// Of the elements along the axis.
  let value: @Sendable ([Float]) -> Float

  static let all = [
    Reduction(name: "the first") { $0.first ?? 0 },
    Reduction(name: "the last") { $0.last ?? 0 },
    Reduction(name: "the mean") { Float($0.reduce(0.0) { $0 + Double($1) } / Double($0.count)) },
    Reduction(name: "the largest") { $0.max() ?? 0 },
    Reduction(name: "the sum") { Float($0.reduce(0.0) { $0 + Double($1) }) },
  ]
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

  /// Windows side by side of (items, height, width, channels).
  func pooled(isMaximum: Bool, window: Int) -> Tensor? {
    Tensor<Double>(shape, values.map { Double($0) }).pooled(
      isMaximum: isMaximum, window: [window, window], stride: [window, window],
      padding: [[0, 0], [0, 0]], countsPadding: true
    ).map { Tensor($0.shape, $0.values.map { Float($0) }) }
  }
}
