/// Stride-1 convolutions of one image, with ReLU where they are rectified, by Winograd's filter along
/// the rows; along the columns the kernel's rows are added up as the definition has it. At each of
/// the filter's points the channels of all tiles meet their weights in one matrix product.
package struct WinogradConvolution<Scalar: ModelScalar>: Sendable {
  /// One convolution whose outputs are every `stride`-th pixel of the result, from
  /// (`row`, `column`) on: a transposed convolution is several of them.
  package struct Phase: Sendable {
    package let row: Int
    package let column: Int
    /// The rows of the padded image that the kernel's rows lie on, relative to the output's row.
    package let rowSteps: [Int]
    /// (point, kernel row, inputs, outputs)
    package let weights: [Scalar]

    /// - Parameter kernel: (kernel row, tap, inputs, outputs)
    package init(
      row: Int, column: Int, rowSteps: [Int], kernel: [Scalar], filter: WinogradFilter, matrix: Int
    ) {
      self.row = row
      self.column = column
      self.rowSteps = rowSteps
      var weights: [Scalar] = []
      weights.reserveCapacity(filter.points * rowSteps.count * matrix)
      for factors in filter.kernelTransform.map({ $0.map { Scalar($0) } }) {
        for kernelRow in rowSteps.indices {
          let start = kernelRow * filter.taps * matrix
          for pair in start..<start + matrix {
            var sum: Scalar = 0
            for tap in 0..<filter.taps { sum += factors[tap] * kernel[pair + tap * matrix] }
            weights.append(sum)
          }
        }
      }
      self.weights = weights
    }
  }

  package let filter: WinogradFilter
  package let inputs: Int
  package let bias: [Scalar]
  package let isRectified: Bool
  /// From one pixel of a phase to the next, in the result.
  package let stride: Int
  package let phases: [Phase]

  /// Rows transformed at once: their transforms stay in the second-level cache.
  private static var bandRows: Int { 16 }

  /// Whether the transforms can handle these channels.
  package static func suits(inputs: Int, outputs: Int) -> Bool {
    inputs % WinogradFilter.lanes == 0 && outputs % WinogradFilter.lanes == 0
  }

  private func tiles(_ columns: Int) -> Int {
    (columns + WinogradFilter.tile - 1) / WinogradFilter.tile
  }

  /// Columns of the padded image that `columns` outputs read.
  package func paddedWidth(_ columns: Int) -> Int {
    tiles(columns) * WinogradFilter.tile + filter.taps - 1
  }

  /// Rows of the padded image that `rows` outputs read.
  package func paddedHeight(_ rows: Int) -> Int { rows + reach }

  /// Rows below an output's own that a kernel reaches.
  private var reach: Int { phases.flatMap(\.rowSteps).max() ?? 0 }

  /// - Parameters:
  ///   - x: (paddedHeight(rows), paddedWidth(columns), inputs), zeros around the image included.
  ///   - rows: outputs of each phase.
  ///   - y: (stride·rows, stride·columns, outputs)
  package func callAsFunction(
    _ x: UnsafePointer<Scalar>, rows: Int, columns: Int, to y: UnsafeMutablePointer<Scalar>,
    _ workspace: Workspace<Scalar>
  ) {
    let (tiles, outputs) = (tiles(columns), bias.count)
    let bandRows = min(rows, Self.bandRows)
    let inputPlane = (bandRows + reach) * tiles * inputs
    let outputPlane = bandRows * tiles * outputs
    let transformed = unsafe workspace.buffer(.transformed, count: filter.points * inputPlane)
    let products = unsafe workspace.buffer(.products, count: filter.points * outputPlane)
    let line = paddedWidth(columns) * inputs
    for band in Swift.stride(from: 0, to: rows, by: bandRows) {
      let count = min(bandRows, rows - band)
      for row in 0..<count + reach {
        unsafe filter.transformInput(
          x + (band + row) * line, tiles: tiles, channels: inputs, plane: inputPlane,
          to: transformed + row * tiles * inputs)
      }
      for phase in phases {
        unsafe multiply(
          phase, transformed, plane: inputPlane, products, plane: outputPlane, rows: count,
          tiles: tiles)
        unsafe bias.withUnsafeBufferPointer { bias in
          for row in 0..<count {
            let pixel = ((band + row) * stride + phase.row) * columns * stride + phase.column
            unsafe filter.transformOutput(
              products + row * tiles * outputs, plane: outputPlane, columns: columns, bias: bias,
              isRectified: isRectified, to: y + pixel * outputs, step: stride * outputs)
          }
        }
      }
    }
  }

  /// At every point, (rows·tiles, inputs) · (inputs, outputs), summed over the kernel's rows.
  private func multiply(
    _ phase: Phase, _ transformed: UnsafePointer<Scalar>, plane inputPlane: Int,
    _ products: UnsafeMutablePointer<Scalar>, plane outputPlane: Int, rows: Int, tiles: Int
  ) {
    let matrix = inputs * bias.count
    unsafe phase.weights.withUnsafeBufferPointer { weights in
      for point in 0..<filter.points {
        for (index, step) in phase.rowSteps.enumerated() {
          unsafe Scalar.multiply(
            rows: rows * tiles, columns: bias.count, inner: inputs,
            transformed + point * inputPlane + step * tiles * inputs, lda: inputs,
            weights.baseAddress! + (point * phase.rowSteps.count + index) * matrix,
            ldb: bias.count, transposesB: false, beta: index == 0 ? 0 : 1,
            products + point * outputPlane, ldc: bias.count)
        }
      }
    }
  }
}
