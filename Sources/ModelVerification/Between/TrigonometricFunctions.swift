#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Double {
  /// The angle by which a pair of features turns from one position to the next.
  static func rotaryFrequency(_ pair: Int, _ width: Int, _ base: Double) -> Double {
    pow(base, -2 * Double(pair) / Double(width))
  }

  static func sineAndCosine(_ angle: Double) -> (sine: Double, cosine: Double) {
    (sin(angle), cos(angle))
  }
}
