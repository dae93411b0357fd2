import Testing

@testable import ReferenceLayers

/// The definitions, element by element, in float64.
private enum Definition {
  static func convolution(
    _ x: [Double], _ height: Int, _ width: Int, kernel: [Double], bias: [Double],
    _ size: KernelSize, top: Int, left: Int
  ) -> [Double] {
    let (rows, columns) = (
      (height + size.stride - 1) / size.stride, (width + size.stride - 1) / size.stride
    )
    var y: [Double] = []
    for row in 0..<rows {
      for column in 0..<columns {
        for output in 0..<size.outputs {
          var sum = bias[output]
          for a in 0..<size.height {
            for b in 0..<size.width {
              let (r, c) = (row * size.stride + a - top, column * size.stride + b - left)
              guard r >= 0, r < height, c >= 0, c < width else { continue }
              for input in 0..<size.inputs {
                sum +=
                  x[(r * width + c) * size.inputs + input]
                  * kernel[((a * size.width + b) * size.inputs + input) * size.outputs + output]
              }
            }
          }
          y.append(sum)
        }
      }
    }
    return y
  }

  static func transposed(
    _ x: [Double], _ height: Int, _ width: Int, kernel: [Double], bias: [Double],
    _ size: KernelSize, crop: Int
  ) -> [Double] {
    let (rows, columns) = (height * size.stride, width * size.stride)
    var y = (0..<rows * columns).flatMap { _ in bias }
    for (index, value) in x.enumerated() {
      let (pixel, input) = index.quotientAndRemainder(dividingBy: size.inputs)
      let (r, c) = pixel.quotientAndRemainder(dividingBy: width)
      for a in 0..<size.height {
        for b in 0..<size.width {
          let (row, column) = (size.stride * r + a - crop, size.stride * c + b - crop)
          guard row >= 0, row < rows, column >= 0, column < columns else { continue }
          for output in 0..<size.outputs {
            y[(row * columns + column) * size.outputs + output] +=
              value * kernel[((a * size.width + b) * size.inputs + input) * size.outputs + output]
          }
        }
      }
    }
    return y.map { max($0, 0) }
  }
}

@Suite("Convolutions, fast and plain, are what their definitions say")
struct ConvolutionTests {
  /// Numbers between -1 and 1, the same every time.
  private func noise(_ count: Int, _ seed: UInt64) -> [Double] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(Int64(bitPattern: state) >> 11) / Double(1 << 52)
    }
  }

  private func apply<Scalar: ModelScalar>(
    _ x: [Double], count: Int,
    _ body: (UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>, Workspace<Scalar>) -> Void
  ) -> [Double] {
    var y = [Scalar](repeating: 7, count: count)
    let source = x.map { Scalar($0) }
    source.withUnsafeBufferPointer { source in
      y.withUnsafeMutableBufferPointer { target in
        body(source.baseAddress!, target.baseAddress!, Workspace())
      }
    }
    return y.map { Double($0) }
  }

  private func largest(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
  }

  @Test(
    "a convolution",
    arguments: [
      // (height, width, kernel, inputs, outputs, stride, padding before)
      [9, 7, 5, 3, 8, 1, 2], [9, 7, 5, 8, 16, 1, 2], [6, 13, 3, 16, 8, 1, 1],
      [16, 16, 5, 3, 6, 2, 1], [16, 16, 5, 8, 8, 2, 2], [1, 1, 5, 8, 8, 1, 2],
      [37, 20, 5, 8, 8, 1, 2], [5, 6, 1, 8, 8, 1, 0],
    ])
  func convolution(_ extents: [Int]) throws {
    let (height, width, stride, before) = (extents[0], extents[1], extents[5], extents[6])
    let kernelCount = extents[2] * extents[2] * extents[3] * extents[4]
    let (x, kernel) = (noise(height * width * extents[3], 1), noise(kernelCount, 2))
    let bias = noise(extents[4], 3)
    let expected = Definition.convolution(
      x, height, width, kernel: kernel, bias: bias,
      .init(
        height: extents[2], width: extents[2], inputs: extents[3], outputs: extents[4],
        stride: stride), top: before, left: before)
    func run<Scalar: ModelScalar>(_: Scalar.Type, isRectified: Bool) -> [Double] {
      let layer = Convolution<Scalar>(
        path: "", kernel: kernel.map { Scalar($0) }, bias: bias.map { Scalar($0) },
        size: .init(
          height: extents[2], width: extents[2], inputs: extents[3], outputs: extents[4],
          stride: stride),
        padding: .init(top: before, left: before), isRectified: isRectified)
      return apply(x, count: expected.count) { layer($0, height: height, width: width, to: $1, $2) }
    }
    for isRectified in [false, true] {
      let expected = isRectified ? expected.map { max($0, 0) } : expected
      #expect(largest(run(Double.self, isRectified: isRectified), expected) < 1e-12)
      #expect(largest(run(Float.self, isRectified: isRectified), expected) < 2e-5)
    }
  }

  @Test(
    "a transposed convolution",
    arguments: [
      // (height, width, kernel, inputs, outputs, stride, crop)
      [8, 8, 5, 8, 6, 2, 1], [8, 8, 5, 8, 8, 2, 1], [7, 9, 5, 16, 8, 2, 2],
      [4, 4, 5, 3, 5, 2, 2], [20, 5, 5, 8, 8, 2, 1], [3, 3, 2, 8, 8, 2, 0],
      [3, 3, 1, 4, 4, 2, 0], [5, 4, 4, 8, 8, 2, 1], [2, 2, 5, 8, 8, 3, 1],
    ])
  func transposed(_ extents: [Int]) throws {
    let (height, width, stride, crop) = (extents[0], extents[1], extents[5], extents[6])
    let kernelCount = extents[2] * extents[2] * extents[3] * extents[4]
    let (x, kernel) = (noise(height * width * extents[3], 4), noise(kernelCount, 5))
    let bias = noise(extents[4], 6)
    let expected = Definition.transposed(
      x, height, width, kernel: kernel, bias: bias,
      .init(
        height: extents[2], width: extents[2], inputs: extents[3], outputs: extents[4],
        stride: stride), crop: crop)
    func run<Scalar: ModelScalar>(_: Scalar.Type) -> [Double] {
      let layer = TransposedConvolution<Scalar>(
        path: "", kernel: kernel.map { Scalar($0) }, bias: bias.map { Scalar($0) },
        size: .init(
          height: extents[2], width: extents[2], inputs: extents[3], outputs: extents[4],
          stride: stride),
        crop: crop)
      return apply(x, count: expected.count) { layer($0, height: height, width: width, to: $1, $2) }
    }
    #expect(largest(run(Double.self), expected) < 1e-12)
    #expect(largest(run(Float.self), expected) < 2e-5)
  }

  @Test("NaN stays NaN through a layer")
  func notANumber() throws {
    let size = KernelSize(height: 5, width: 5, inputs: 8, outputs: 8, stride: 1)
    let layer = Convolution<Float>(
      path: "", kernel: [Float](repeating: -.nan, count: 25 * 64),
      bias: [Float](repeating: 0, count: 8), size: size, padding: .init(top: 2, left: 2),
      isRectified: true)
    let y = apply(noise(8 * 8 * 8, 7), count: 8 * 8 * 8) {
      (x: UnsafePointer<Float>, y, workspace) in
      layer(x, height: 8, width: 8, to: y, workspace)
    }
    #expect(y.allSatisfy { $0.isNaN })
  }
}
