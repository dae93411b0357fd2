package import CheckpointCore

/// A transposed convolution of one image, with ReLU:
///
///     full[o, s·r + a, s·c + b] += x[i, r, c] · kernel[a, b, i, o]
///     y = relu(full[crop ..< crop + s·n] + bias)
///
/// The output pixels whose row and column leave the same remainders modulo the stride form a phase:
/// each is a small convolution of the input, and no multiplication with a zero is made.
package struct TransposedConvolution<Scalar: ModelScalar>: Sendable {
  /// The module's path.
  package let path: TensorName
  /// (height, width, inputs, outputs)
  private let kernel: [Scalar]
  private let bias: [Scalar]
  package let size: KernelSize
  private let phases: Phases
  private let winograd: WinogradConvolution<Scalar>?

  /// - Parameter crop: rows and columns of `full` before the output begins.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package init(
    path: TensorName, kernel: [Scalar], bias: [Scalar], size: KernelSize, crop: Int
  ) {
    self.path = path
    self.kernel = kernel
    self.bias = bias
    self.size = size
    phases = Phases(size: size, crop: crop)
    winograd = Self.winograd(kernel, bias, phases)
  }

  /// The extent along one axis.
  package func outputExtent(_ n: Int) -> Int { n * size.stride }

  /// Which taps reach which output pixels.
  private struct Phases {
    let size: KernelSize
    let crop: Int
    /// Pixels before and after an input pixel of its own that an output pixel reads.
    let before: Int
    let after: Int

    init(size: KernelSize, crop: Int) {
      self.size = size
      self.crop = crop
      let distances = (0..<size.stride).flatMap { phase in
        Self.taps(phase, max(size.height, size.width), size.stride, crop).map(\.step)
      }
      before = max(0, -(distances.min() ?? 0))
      after = max(0, distances.max() ?? 0)
    }

    var indices: Range<Int> { 0..<size.stride }

    /// The taps that reach one phase along the rows or the columns, each with the step from the
    /// output's pixel (divided by the stride) to the input's.
    func rows(_ phase: Int) -> [(tap: Int, step: Int)] {
      Self.taps(phase, size.height, size.stride, crop)
    }
    func columns(_ phase: Int) -> [(tap: Int, step: Int)] {
      Self.taps(phase, size.width, size.stride, crop)
    }

    private static func taps(
      _ phase: Int, _ extent: Int, _ stride: Int, _ crop: Int
    ) -> [(tap: Int, step: Int)] {
      (0..<extent).compactMap { tap in
        let distance = phase + crop - tap
        return distance % stride == 0 ? (tap, distance / stride) : nil
      }
    }
  }

  /// The fast form, where the phases have one: each is a convolution as wide as the widest, whose
  /// absent taps are zeros.
  private static func winograd(
    _ kernel: [Scalar], _ bias: [Scalar], _ phases: Phases
  ) -> WinogradConvolution<Scalar>? {
    let size = phases.size
    guard let filter = WinogradFilter(rawValue: phases.before + phases.after + 1),
      WinogradConvolution<Scalar>.suits(inputs: size.inputs, outputs: size.outputs)
    else { return nil }
    let matrix = size.inputs * size.outputs
    let parts = phases.indices.flatMap { rowPhase in
      phases.indices.map { columnPhase in
        let rows = phases.rows(rowPhase)
        var taps = [Scalar](repeating: 0, count: rows.count * filter.taps * matrix)
        for (index, row) in rows.enumerated() {
          for column in phases.columns(columnPhase) {
            let source = (row.tap * size.width + column.tap) * matrix
            let target = (index * filter.taps + phases.before + column.step) * matrix
            taps.replaceSubrange(
              target..<target + matrix, with: kernel[source..<source + matrix])
          }
        }
        return WinogradConvolution<Scalar>.Phase(
          row: rowPhase, column: columnPhase, rowSteps: rows.map { phases.before + $0.step },
          kernel: taps, filter: filter, matrix: matrix)
      }
    }
    guard parts.allSatisfy({ !$0.rowSteps.isEmpty }) else { return nil }
    return WinogradConvolution(
      filter: filter, inputs: size.inputs, bias: bias, isRectified: true, stride: size.stride,
      phases: parts)
  }

  /// (height, width, inputs) → (stride·height, stride·width, outputs)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func callAsFunction(
    _ x: UnsafePointer<Scalar>, height: Int, width: Int, to y: UnsafeMutablePointer<Scalar>,
    _ workspace: Workspace<Scalar>
  ) {
    if let winograd {
      let padded = unsafe paddedImage(
        x, height: height, width: width, channels: size.inputs, top: phases.before,
        left: phases.before, rows: winograd.paddedHeight(height),
        columns: winograd.paddedWidth(width), workspace)
      unsafe winograd(padded, rows: height, columns: width, to: y, workspace)
    } else {
      unsafe multiplyTaps(x, height: height, width: width, to: y, workspace)
      unsafe add(
        bias, to: y, pixels: outputExtent(height) * outputExtent(width), isRectified: true)
    }
  }

  /// Multiplies the image, shifted, with every tap's (inputs, outputs), phase by phase.
  private func multiplyTaps(
    _ x: UnsafePointer<Scalar>, height: Int, width: Int,
    to y: UnsafeMutablePointer<Scalar>, _ workspace: Workspace<Scalar>
  ) {
    let columns = width + phases.before + phases.after
    let padded = unsafe paddedImage(
      x, height: height, width: width, channels: size.inputs, top: phases.before,
      left: phases.before, rows: height + phases.before + phases.after, columns: columns, workspace)
    // A row of products for every padded column: those of the border are not used.
    let count = (height - 1) * columns + width
    let products = unsafe workspace.buffer(.products, count: count * size.outputs)
    for rowPhase in phases.indices {
      for columnPhase in phases.indices {
        var isFirst = true
        for row in phases.rows(rowPhase) {
          for column in phases.columns(columnPhase) {
            let origin = (phases.before + row.step) * columns + phases.before + column.step
            unsafe multiply(
              padded + origin * size.inputs, tap: row.tap * size.width + column.tap,
              count: count, isFirst: isFirst, to: products)
            isFirst = false
          }
        }
        if isFirst { unsafe products.update(repeating: 0, count: count * size.outputs) }
        for row in 0..<height {
          for column in 0..<width {
            let pixel =
              (row * size.stride + rowPhase) * width * size.stride + column * size.stride
              + columnPhase
            unsafe (y + pixel * size.outputs).update(
              from: products + (row * columns + column) * size.outputs, count: size.outputs)
          }
        }
      }
    }
  }

  private func multiply(
    _ pixels: UnsafePointer<Scalar>, tap: Int, count: Int, isFirst: Bool,
    to products: UnsafeMutablePointer<Scalar>
  ) {
    unsafe kernel.withUnsafeBufferPointer { kernel in
      unsafe Scalar.multiply(
        rows: count, columns: size.outputs, inner: size.inputs, pixels, lda: size.inputs,
        kernel.baseAddress! + tap * size.inputs * size.outputs, ldb: size.outputs,
        transposesB: false, beta: isFirst ? 0 : 1, products, ldc: size.outputs)
    }
  }
}
