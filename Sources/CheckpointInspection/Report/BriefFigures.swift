import CheckpointCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension JSONValue {
  /// A figure to look at, in six digits; null where it is not finite.
  static func brief(_ value: Double) -> JSONValue {
    guard value.isFinite, value != 0 else { return .finite(value) }
    let decimals = 5 - Int(log10(value.magnitude).rounded(.down))
    // A quotient of two integers is the double nearest to the decimal number, and prints as that.
    let scale = pow(10, Double(abs(decimals)))
    let rounded =
      decimals >= 0 ? (value * scale).rounded() / scale : (value / scale).rounded() * scale
    return .finite(rounded.isFinite ? rounded : value)
  }
}
