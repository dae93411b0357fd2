/// max(x, 0), element by element.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
package func relu<Scalar: ModelScalar>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  var y = x
  rectify(&y)
  return y
}

/// x = max(x, 0), or max(x + y, 0), in place. NaN stays NaN.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
package func rectify<Scalar: ModelScalar>(
  _ x: inout Tensor<Scalar>, adding y: Tensor<Scalar>? = nil
) {
  let count = x.values.count
  unsafe x.values.withUnsafeMutableBufferPointer { x in
    guard let y else {
      for index in 0..<count { unsafe x[index] = x[index] < 0 ? 0 : x[index] }
      return
    }
    unsafe y.values.withUnsafeBufferPointer { y in
      for index in 0..<count {
        let sum = unsafe x[index] + y[index]
        unsafe x[index] = sum < 0 ? 0 : sum
      }
    }
  }
}
