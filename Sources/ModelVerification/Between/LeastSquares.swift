/// Fits of a few numbers to many, for what is read off the elements of a tensor.
enum LeastSquares {
  /// So few elements fit by chance.
  private static let fewest = 8
  /// A number of less than this part of the values is rounding.
  private static let nothing = 1e-5

  /// y = factor · x + more; `nil` where x is constant.
  static func line(_ x: [Float], _ y: [Float]) -> (Float, Float)? {
    guard x.count == y.count, x.count >= fewest else { return nil }
    let count = Double(x.count)
    let (meanX, meanY) = (sum(x) { $0 } / count, sum(y) { $0 } / count)
    var (square, product) = (0.0, 0.0)
    for (a, b) in zip(x, y) {
      square += (Double(a) - meanX) * (Double(a) - meanX)
      product += (Double(a) - meanX) * (Double(b) - meanY)
    }
    guard square > 0, product.isFinite, product != 0 else { return nil }
    let factor = product / square
    let more = meanY - factor * meanX
    let scale = y.reduce(0) { max($0, Double($1.magnitude)) }
    return (rounded(factor), more.magnitude <= nothing * scale ? 0 : rounded(more))
  }

  /// z = p · x + q · y; `nil` where x and y are one another's multiples.
  static func plane(_ x: [Float], _ y: [Float], _ z: [Float]) -> (Float, Float)? {
    guard x.count == y.count, x.count == z.count, x.count >= fewest else { return nil }
    var (xx, xy, yy, xz, yz) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for index in x.indices {
      let (a, b, c) = (Double(x[index]), Double(y[index]), Double(z[index]))
      xx += a * a
      xy += a * b
      yy += b * b
      xz += a * c
      yz += b * c
    }
    let determinant = xx * yy - xy * xy
    guard determinant > 1e-9 * xx * yy else { return nil }
    let (p, q) = ((xz * yy - yz * xy) / determinant, (yz * xx - xz * xy) / determinant)
    guard p.isFinite, q.isFinite, p.magnitude > nothing, q.magnitude > nothing else { return nil }
    return (rounded(p), rounded(q))
  }

  private static func sum(_ x: [Float], _ value: (Double) -> Double) -> Double {
    x.reduce(0) { $0 + value(Double($1)) }
  }

  /// A number of few digits where it is one but for rounding.
  private static func rounded(_ x: Double) -> Float {
    let short = (x * 1e4).rounded() / 1e4
    return Float((short - x).magnitude <= 2e-6 * x.magnitude ? short : x)
  }
}
