#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The number a forward pass computes in: `Float`, as the models do, or `Double`, the arbiter.
package protocol ModelScalar: BinaryFloatingPoint, SIMDScalar, Codable, Sendable {
  /// C = A·B + `beta`·C, row-major, by CBLAS.
  ///
  /// - Parameters:
  ///   - a: (rows, inner), rows `lda` apart.
  ///   - b: (inner, columns), or (columns, inner) where `transposesB`; rows `ldb` apart.
  ///   - c: (rows, columns), rows `ldc` apart.
  static func multiply(
    rows: Int, columns: Int, inner: Int, _ a: UnsafePointer<Self>, lda: Int,
    _ b: UnsafePointer<Self>, ldb: Int, transposesB: Bool, beta: Self,
    _ c: UnsafeMutablePointer<Self>, ldc: Int)

  /// max(x, 0), lane by lane, as (x + |x|) / 2: activations have random signs, on which a
  /// processor's prediction of branches fails half the time. NaN stays NaN.
  static func relu(_ x: SIMD8<Self>) -> SIMD8<Self>
  static func exponential(_ x: Self) -> Self
  static func hyperbolicTangent(_ x: Self) -> Self
}

extension Float: ModelScalar {
  package static func multiply(
    rows: Int, columns: Int, inner: Int, _ a: UnsafePointer<Float>, lda: Int,
    _ b: UnsafePointer<Float>, ldb: Int, transposesB: Bool, beta: Float,
    _ c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    unsafe BLAS.shared.floats(
      BLAS.rowMajor, BLAS.plain, transposesB ? BLAS.transposed : BLAS.plain, CInt(rows),
      CInt(columns), CInt(inner), 1, a, CInt(lda), b, CInt(ldb), beta, c, CInt(ldc))
  }

  package static func relu(_ x: SIMD8<Float>) -> SIMD8<Float> {
    // The magnitude is the number without its sign bit.
    let bits = unsafe unsafeBitCast(x, to: SIMD8<UInt32>.self)
    let magnitude = unsafe unsafeBitCast(
      bits & SIMD8(repeating: 0x7FFF_FFFF), to: SIMD8<Float>.self)
    return 0.5 * (x + magnitude)
  }

  package static func exponential(_ x: Float) -> Float { expf(x) }
  package static func hyperbolicTangent(_ x: Float) -> Float { tanhf(x) }
}

extension Double: ModelScalar {
  package static func multiply(
    rows: Int, columns: Int, inner: Int, _ a: UnsafePointer<Double>, lda: Int,
    _ b: UnsafePointer<Double>, ldb: Int, transposesB: Bool, beta: Double,
    _ c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    unsafe BLAS.shared.doubles(
      BLAS.rowMajor, BLAS.plain, transposesB ? BLAS.transposed : BLAS.plain, CInt(rows),
      CInt(columns), CInt(inner), 1, a, CInt(lda), b, CInt(ldb), beta, c, CInt(ldc))
  }

  package static func relu(_ x: SIMD8<Double>) -> SIMD8<Double> {
    // The magnitude is the number without its sign bit.
    let bits = unsafe unsafeBitCast(x, to: SIMD8<UInt64>.self)
    let magnitude = unsafe unsafeBitCast(
      bits & SIMD8(repeating: 0x7FFF_FFFF_FFFF_FFFF), to: SIMD8<Double>.self)
    return 0.5 * (x + magnitude)
  }

  package static func exponential(_ x: Double) -> Double { exp(x) }
  package static func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
}
