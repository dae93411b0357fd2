/// The windows of a convolution in any number of dimensions, gathered into a matrix that the kernel
/// multiplies, group by group.
struct Windows {
  private let x: Tensor<Double>
  private let kernel: Tensor<Double>
  private let stride: [Int]
  private let dilation: [Int]
  private let padding: [[Int]]
  private let groups: Int
  private let mode: PaddingMode
  /// The extents of the output without items and channels.
  let outputs: [Int]

  /// - Parameters:
  ///   - x: (items, …, channels)
  ///   - kernel: (…, channels / groups, outputs)
  /// - Returns: `nil` where the shapes do not fit one another.
  init?(
    x: Tensor<Double>, kernel: Tensor<Double>, stride: [Int], dilation: [Int], padding: [[Int]],
    groups: Int, mode: PaddingMode
  ) {
    let rank = kernel.shape.count - 2
    guard rank > 0, x.shape.count == rank + 2, stride.count == rank, dilation.count == rank,
      padding.count == rank, padding.allSatisfy({ $0.count == 2 }), groups > 0,
      stride.allSatisfy({ $0 > 0 }), dilation.allSatisfy({ $0 > 0 }),
      x.width == kernel.shape[rank] * groups, kernel.width % groups == 0
    else { return nil }
    outputs = (0..<rank).map { axis in
      let reach = (kernel.shape[axis] - 1) * dilation[axis] + 1
      return (x.shape[axis + 1] + padding[axis][0] + padding[axis][1] - reach) / stride[axis] + 1
    }
    guard outputs.allSatisfy({ $0 > 0 }) else { return nil }
    (self.x, self.kernel, self.stride, self.dilation) = (x, kernel, stride, dilation)
    (self.padding, self.groups, self.mode) = (padding, groups, mode)
  }

  /// (items, …, outputs)
  func product() -> Tensor<Double> {
    let (inputs, width) = (kernel.shape[kernel.shape.count - 2], kernel.width)
    let taps = kernel.shape.dropLast(2).reduce(1, *)
    let pixels = outputs.reduce(1, *)
    let perGroup = width / groups
    var result = Tensor<Double>(zeros: [x.shape[0]] + outputs + [width])
    for group in 0..<groups {
      let weights = Tensor([taps * inputs, width], kernel.values)
        .columns(group * perGroup..<(group + 1) * perGroup)
      for item in 0..<x.shape[0] {
        let gathered = gather(item: item, channels: group * inputs..<(group + 1) * inputs)
        let product = gathered.times(weights)
        for pixel in 0..<pixels {
          let target = (item * pixels + pixel) * width + group * perGroup
          result.values.replaceSubrange(
            target..<target + perGroup,
            with: product.values[pixel * perGroup..<(pixel + 1) * perGroup])
        }
      }
    }
    return result
  }

  /// (pixels, taps · channels) of one item.
  private func gather(item: Int, channels: Range<Int>) -> Tensor<Double> {
    let extents = Array(x.shape[1..<x.shape.count - 1])
    let kernelExtents = Array(kernel.shape.dropLast(2))
    let image = item * extents.reduce(1, *) * x.width
    var rows: [Double] = []
    let taps = kernelExtents.reduce(1, *)
    let pixels = outputs.reduce(1, *)
    rows.reserveCapacity(pixels * taps * channels.count)
    let zeros = [Double](repeating: 0, count: channels.count)
    for pixel in 0..<pixels {
      let position = Self.place(pixel, outputs)
      for tap in 0..<taps {
        let offset = Self.place(tap, kernelExtents)
        var index = 0
        var isInside = true
        for axis in extents.indices {
          let at = position[axis] * stride[axis] + offset[axis] * dilation[axis] - padding[axis][0]
          let place = mode.place(at, extent: extents[axis])
          if place == nil { isInside = false }
          index = index * extents[axis] + (place ?? 0)
        }
        if isInside {
          let start = image + index * x.width + channels.lowerBound
          rows += x.values[start..<start + channels.count]
        } else {
          rows += zeros
        }
      }
    }
    return Tensor([pixels, taps * channels.count], rows)
  }

  /// The place of an element counted in C order.
  static func place(_ index: Int, _ extents: [Int]) -> [Int] {
    var rest = index
    var result = [Int](repeating: 0, count: extents.count)
    for axis in extents.indices.reversed() {
      (rest, result[axis]) = rest.quotientAndRemainder(dividingBy: extents[axis])
    }
    return result
  }
}
