/// softmax along axis 0 of `count` rows of `width` elements, in place: each column sums to 1.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
package func softmaxOverRows<Scalar: ModelScalar>(
  _ values: UnsafeMutablePointer<Scalar>, count: Int, width: Int
) {
  var largest = [Scalar](repeating: -.infinity, count: width)
  var sum = [Scalar](repeating: 0, count: width)
  for row in 0..<count {
    for column in 0..<width {
      largest[column] = max(largest[column], unsafe values[row * width + column])
    }
  }
  for row in 0..<count {
    for column in 0..<width {
      let power = Scalar.exponential(unsafe values[row * width + column] - largest[column])
      unsafe values[row * width + column] = power
      sum[column] += power
    }
  }
  for row in 0..<count {
    for column in 0..<width { unsafe values[row * width + column] /= sum[column] }
  }
}

extension Tensor {
  /// (rows, width) → (rows, width), each column summing to 1.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func softmaxOverRows() -> Tensor {
    var result = self
    unsafe result.values.withUnsafeMutableBufferPointer {
      unsafe ReferenceLayers.softmaxOverRows($0.baseAddress!, count: rows, width: width)
    }
    return result
  }

  /// (rows, width) → (rows, width), each row summing to 1.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func softmaxOverColumns() -> Tensor {
    var result = self
    for row in 0..<rows {
      let range = row * width..<(row + 1) * width
      let largest = values[range].max() ?? 0
      var sum: Scalar = 0
      for index in range {
        result.values[index] = Scalar.exponential(values[index] - largest)
        sum += result.values[index]
      }
      for index in range { result.values[index] /= sum }
    }
    return result
  }

  /// (rows, inner)·(inner, columns), or with `transposed` of (columns, inner).
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func times(_ other: Tensor, transposed: Bool = false) -> Tensor {
    let columns = transposed ? other.rows : other.width
    var product = Tensor(zeros: [rows, columns])
    // Both arrays have rows of the widths that their shapes say.
    unsafe values.withUnsafeBufferPointer { a in
      unsafe other.values.withUnsafeBufferPointer { b in
        unsafe product.values.withUnsafeMutableBufferPointer { c in
          unsafe Scalar.multiply(
            rows: rows, columns: columns, inner: width, a.baseAddress!, lda: width,
            b.baseAddress!, ldb: other.width, transposesB: transposed, beta: 0, c.baseAddress!,
            ldc: columns)
        }
      }
    }
    return product
  }

  /// Every element times `factor`.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func scaled(by factor: Scalar) -> Tensor { Tensor(shape, values.map { $0 * factor }) }
}
