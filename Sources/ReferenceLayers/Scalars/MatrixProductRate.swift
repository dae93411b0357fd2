import Bytes

/// The machine's rate of matrix products, to compare a forward pass with.
package enum MatrixProductRate {
  /// Floating-point operations per second of sgemm on square matrices, on `threads` threads.
  package static func measure(threads: Int) throws -> Double {
    try BLAS.require()
    let side = 1024
    let products = 8
    let clock = ContinuousClock()
    var best = Duration.seconds(3600)
    for _ in 0..<5 {
      let time = try clock.measure {
        try parallelFor(threads, threads: threads) { _ in
          let a = Tensor([side, side], [Float](repeating: 0.5, count: side * side))
          for _ in 0..<products { _ = a.times(a) }
        }
      }
      best = min(best, time)
    }
    let operations = 2 * Double(side * side * side * products * threads)
    return operations
      / (Double(best.components.attoseconds) / 1e18 + Double(best.components.seconds))
  }
}
