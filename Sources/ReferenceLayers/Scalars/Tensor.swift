/// Elements in C order with their extents: an intermediate of the forward pass.
package struct Tensor<Scalar: ModelScalar>: Sendable {
  package let shape: [Int]
  package var values: [Scalar]

  package init(_ shape: [Int], _ values: [Scalar]) {
    self.shape = shape
    self.values = values
  }

  package init(zeros shape: [Int]) {
    self.init(shape, [Scalar](repeating: 0, count: shape.reduce(1, *)))
  }

  /// The extent of the last axis.
  package var width: Int { shape.last ?? 1 }
  /// The vectors along the last axis.
  package var rows: Int { shape.dropLast().reduce(1, *) }

  /// The same elements with other extents.
  package func reshaped(_ shape: [Int]) -> Tensor { Tensor(shape, values) }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package static func + (a: Tensor, b: Tensor) -> Tensor {
    Tensor(a.shape, zip(a.values, b.values).map { $0 + $1 })
  }

  /// Some columns of every row.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func columns(_ range: Range<Int>) -> Tensor {
    Tensor(
      [rows, range.count],
      (0..<rows).flatMap { values[$0 * width + range.lowerBound..<$0 * width + range.upperBound] })
  }

  /// Tensors of as many rows side by side.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package static func joined(_ parts: [Tensor]) -> Tensor {
    let rows = parts.first?.rows ?? 0
    return Tensor(
      [rows, parts.reduce(0) { $0 + $1.width }],
      (0..<rows).flatMap { row in
        parts.flatMap { $0.values[row * $0.width..<(row + 1) * $0.width] }
      })
  }
}
