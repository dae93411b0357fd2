package import CheckpointCore

/// A convolution as neural networks mean it (a cross-correlation) of one image, with ReLU where it
/// is rectified:
///
///     y[o, r, c] = relu(bias[o] + Σ x[i, s·r + a - top, s·c + b - left] · kernel[a, b, i, o])
package struct Convolution<Scalar: ModelScalar>: Sendable {
  /// The module's path.
  package let path: TensorName
  /// (height, width, inputs, outputs)
  package let kernel: [Scalar]
  package let bias: [Scalar]
  package let size: KernelSize
  package let padding: Padding
  package let isRectified: Bool
  private let winograd: WinogradConvolution<Scalar>?

  /// Zeros before the first row and column; those after the last follow from the output's extent.
  package struct Padding: Sendable, Equatable {
    package let top: Int
    package let left: Int

    package init(top: Int, left: Int) {
      self.top = top
      self.left = left
    }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package init(
    path: TensorName, kernel: [Scalar], bias: [Scalar], size: KernelSize, padding: Padding,
    isRectified: Bool
  ) {
    self.path = path
    self.kernel = kernel
    self.bias = bias
    self.size = size
    self.padding = padding
    self.isRectified = isRectified
    winograd = Self.winograd(kernel, bias, size, isRectified)
  }

  /// The fast form, where the kernel has one.
  private static func winograd(
    _ kernel: [Scalar], _ bias: [Scalar], _ size: KernelSize, _ isRectified: Bool
  ) -> WinogradConvolution<Scalar>? {
    guard size.stride == 1, let filter = WinogradFilter(rawValue: size.width),
      WinogradConvolution<Scalar>.suits(inputs: size.inputs, outputs: size.outputs)
    else { return nil }
    let phase = WinogradConvolution<Scalar>.Phase(
      row: 0, column: 0, rowSteps: Array(0..<size.height), kernel: kernel, filter: filter,
      matrix: size.inputs * size.outputs)
    return WinogradConvolution(
      filter: filter, inputs: size.inputs, bias: bias, isRectified: isRectified, stride: 1,
      phases: [phase])
  }

  /// The extent along one axis: ceil(n / stride), as SAME convolutions have it.
  package func outputExtent(_ n: Int) -> Int { (n + size.stride - 1) / size.stride }

  /// (height, width, inputs) → (outputExtent(height), outputExtent(width), outputs)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func callAsFunction(
    _ x: Tensor<Scalar>, _ workspace: Workspace<Scalar>, _ trace: Trace<Scalar>?
  ) -> Tensor<Scalar> {
    let (height, width) = (x.shape[0], x.shape[1])
    let shape = [outputExtent(height), outputExtent(width), size.outputs]
    let count = shape.reduce(1, *)
    // The layer writes every element of its result.
    let values = unsafe [Scalar](unsafeUninitializedCapacity: count) { target, written in
      unsafe x.values.withUnsafeBufferPointer { source in
        unsafe self(
          source.baseAddress!, height: height, width: width, to: target.baseAddress!, workspace)
      }
      written = count
    }
    let y = Tensor(shape, values)
    trace?.record(LayerIdentity(path), y)
    return y
  }

  /// (height, width, inputs) → (outputExtent(height), outputExtent(width), outputs)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func callAsFunction(
    _ x: UnsafePointer<Scalar>, height: Int, width: Int, to y: UnsafeMutablePointer<Scalar>,
    _ workspace: Workspace<Scalar>
  ) {
    let (rows, columns) = (outputExtent(height), outputExtent(width))
    if let winograd {
      let padded = unsafe paddedImage(
        x, height: height, width: width, channels: size.inputs, top: padding.top,
        left: padding.left, rows: winograd.paddedHeight(rows),
        columns: winograd.paddedWidth(columns), workspace)
      unsafe winograd(padded, rows: rows, columns: columns, to: y, workspace)
    } else {
      unsafe multiplyWindows(
        x, height: height, width: width, rows: rows, columns: columns, to: y, workspace)
      unsafe add(bias, to: y, pixels: rows * columns, isRectified: isRectified)
    }
  }

  /// Bytes of windows gathered at once: they stay in the second-level cache.
  private static var windowBytes: Int { 256 << 10 }

  /// Gathers the window under each output pixel into a row of a matrix, some rows of the image at
  /// a time, and multiplies it with the kernel, (height·width·inputs, outputs).
  private func multiplyWindows(
    _ x: UnsafePointer<Scalar>, height: Int, width: Int, rows: Int, columns: Int,
    to y: UnsafeMutablePointer<Scalar>, _ workspace: Workspace<Scalar>
  ) {
    let inner = size.height * size.width * size.inputs
    let padded = unsafe paddedImage(
      x, height: height, width: width, channels: size.inputs, top: padding.top,
      left: padding.left, rows: (rows - 1) * size.stride + size.height,
      columns: (columns - 1) * size.stride + size.width, workspace)
    let paddedWidth = ((columns - 1) * size.stride + size.width) * size.inputs
    let perBand = max(
      1, min(rows, Self.windowBytes / (columns * inner * MemoryLayout<Scalar>.stride)))
    let windows = unsafe workspace.buffer(.transformed, count: perBand * columns * inner)
    let line = size.width * size.inputs
    for band in stride(from: 0, to: rows, by: perBand) {
      let count = min(perBand, rows - band)
      for row in 0..<count {
        for column in 0..<columns {
          let target = unsafe windows + (row * columns + column) * inner
          let source =
            unsafe padded + (band + row) * size.stride * paddedWidth
            + column * size.stride * size.inputs
          for a in 0..<size.height {
            unsafe (target + a * line).update(from: source + a * paddedWidth, count: line)
          }
        }
      }
      unsafe kernel.withUnsafeBufferPointer { kernel in
        unsafe Scalar.multiply(
          rows: count * columns, columns: size.outputs, inner: inner, windows, lda: inner,
          kernel.baseAddress!, ldb: size.outputs, transposesB: false, beta: 0,
          y + band * columns * size.outputs, ldc: size.outputs)
      }
    }
  }
}

/// The extents of a convolution's kernel, and its stride.
package struct KernelSize: Sendable, Equatable {
  package let height: Int
  package let width: Int
  package let inputs: Int
  package let outputs: Int
  package let stride: Int

  package init(height: Int, width: Int, inputs: Int, outputs: Int, stride: Int) {
    self.height = height
    self.width = width
    self.inputs = inputs
    self.outputs = outputs
    self.stride = stride
  }
}

/// The image with zeros around it: (rows, columns, channels), the pixel (0, 0) at (top, left).
/// What lies beyond `rows` and `columns` is left out.
package func paddedImage<Scalar: ModelScalar>(
  _ x: UnsafePointer<Scalar>, height: Int, width: Int, channels: Int, top: Int, left: Int,
  rows: Int, columns: Int, _ workspace: Workspace<Scalar>
) -> UnsafeMutablePointer<Scalar> {
  let padded = unsafe workspace.buffer(.padded, count: rows * columns * channels)
  let copied = max(0, min(width, columns - left)) * channels
  for row in 0..<rows {
    let target = unsafe padded + row * columns * channels
    guard row >= top, row < top + height else {
      unsafe target.update(repeating: 0, count: columns * channels)
      continue
    }
    unsafe target.update(repeating: 0, count: left * channels)
    unsafe (target + left * channels).update(
      from: x + (row - top) * width * channels, count: copied)
    unsafe (target + left * channels + copied).update(
      repeating: 0, count: (columns - left) * channels - copied)
  }
  return unsafe padded
}

/// y + bias, or relu(y + bias), for (pixels, channels) in place.
package func add<Scalar: ModelScalar>(
  _ bias: [Scalar], to y: UnsafeMutablePointer<Scalar>, pixels: Int, isRectified: Bool
) {
  unsafe bias.withUnsafeBufferPointer { bias in
    for pixel in 0..<pixels {
      let row = unsafe y + pixel * bias.count
      for channel in 0..<bias.count {
        let value = unsafe row[channel] + bias[channel]
        unsafe row[channel] = isRectified ? 0.5 * (value + value.magnitude) : value
      }
    }
  }
}
