extension Tensor {
  /// The axes in another order: axis k of the result is axis `order[k]` of this.
  package func permuted(_ order: [Int]) -> Tensor {
    let extents = order.map { shape[$0] }
    guard order != Array(shape.indices), !values.isEmpty else { return reshaped(extents) }
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    let steps = order.map { strides[$0] }
    let inner = extents.last ?? 1
    let step = steps.last ?? 0
    var result: [Scalar] = []
    result.reserveCapacity(values.count)
    var index = [Int](repeating: 0, count: max(0, extents.count - 1))
    var offset = 0
    outer: while true {
      for k in 0..<inner { result.append(values[offset + k * step]) }
      for axis in index.indices.reversed() {
        index[axis] += 1
        offset += steps[axis]
        if index[axis] < extents[axis] { continue outer }
        offset -= steps[axis] * extents[axis]
        index[axis] = 0
      }
      break
    }
    return Tensor(extents, result)
  }

  /// The first items along the leading axis.
  package func first(_ items: Int) -> Tensor {
    guard let count = shape.first, count > items else { return self }
    return Tensor([items] + shape.dropFirst(), Array(values.prefix(values.count / count * items)))
  }

  /// (items, channels, …) → (items, …, channels)
  package var channelsLast: Tensor {
    shape.count < 3 ? self : permuted([0] + Array(2..<shape.count) + [1])
  }

  /// (…, a, b) → (…, b, a)
  package var transposed: Tensor {
    guard shape.count >= 2 else { return self }
    var order = Array(shape.indices)
    order.swapAt(shape.count - 1, shape.count - 2)
    return permuted(order)
  }

  /// One end of an axis.
  package enum End { case first, last }

  /// An end of an axis at which there are only zeros: the last one where both are.
  package func zeroEnd(axis: Int) -> End? {
    let (extent, after) = (shape[axis], shape[(axis + 1)...].reduce(1, *))
    guard extent > 1 else { return nil }
    func isZero(_ place: Int) -> Bool {
      (0..<shape[..<axis].reduce(1, *)).allSatisfy { block in
        let start = (block * extent + place) * after
        return values[start..<start + after].allSatisfy { $0 == 0 }
      }
    }
    return isZero(extent - 1) ? .last : isZero(0) ? .first : nil
  }

  /// Without the first or the last place of an axis.
  package func withoutEnd(axis: Int, _ end: End) -> Tensor {
    let (extent, after) = (shape[axis], shape[(axis + 1)...].reduce(1, *))
    var result: [Scalar] = []
    for block in 0..<shape[..<axis].reduce(1, *) {
      let start = (block * extent + (end == .first ? 1 : 0)) * after
      result += values[start..<start + (extent - 1) * after]
    }
    var extents = shape
    extents[axis] -= 1
    return Tensor(extents, result)
  }

  /// The elements along some axes in the reverse order.
  package func flipped(_ axes: Range<Int>) -> Tensor {
    guard axes.upperBound <= shape.count else { return self }
    // The axes lie side by side, and reversing all of them reverses what they count together.
    let before = shape[..<axes.lowerBound].reduce(1, *)
    let count = shape[axes].reduce(1, *)
    let after = shape[axes.upperBound...].reduce(1, *)
    var result: [Scalar] = []
    result.reserveCapacity(values.count)
    for block in 0..<before {
      for item in (0..<count).reversed() {
        let start = (block * count + item) * after
        result += values[start..<start + after]
      }
    }
    return Tensor(shape, result)
  }
}
