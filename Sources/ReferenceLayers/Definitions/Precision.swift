/// What the factors of a product are rounded to, and but for TF32 its result.
package enum Precision: String, Sendable {
  case float32, tf32, bfloat16, float16

  /// Those that are tried.
  static let all: [SettingValue] = [Precision.tf32, .bfloat16, .float16].map { .name($0.rawValue) }

  init?(named name: String) { self.init(rawValue: name) }

  /// Bits of the mantissa that are kept.
  package var bits: Int? {
    switch self {
    case .float32: nil
    case .tf32, .float16: 10
    case .bfloat16: 7
    }
  }

  func rounded(_ x: Tensor<Double>) -> Tensor<Double> {
    guard let bits else { return x }
    return Tensor(x.shape, x.values.map { Self.round($0, bits) })
  }

  func roundedResult(_ y: Tensor<Double>) -> Tensor<Double> {
    self == .tf32 ? y : rounded(y)
  }

  /// A layer's product with its bias, as it is returned.
  func finished(_ y: Tensor<Double>, _ activation: Activation) -> Tensor<Double> {
    let y = roundedResult(y)
    return activation.name == "identity" ? y : y.applying(activation)
  }

  /// The half precision of which all these numbers are; `nil` where they are of float32's, or too few
  /// to tell.
  package static func ofResult(_ y: Tensor<Double>) -> Precision? {
    let numbers = y.values.filter { $0 != 0 && $0.isFinite }
    guard numbers.count >= fewest else { return nil }
    return [Precision.bfloat16, .float16].first { precision in
      guard let bits = precision.bits else { return false }
      return numbers.allSatisfy { round($0, bits) == $0 }
    }
  }

  /// So many numbers of float32 have no common zeros at their ends by chance.
  private static let fewest = 4

  static func round(_ x: Double, _ bits: Int) -> Double {
    guard x != 0, x.isFinite else { return x }
    let unit = x.ulp * Double(1 << (52 - bits))
    return (x / unit).rounded(.toNearestOrEven) * unit
  }
}
