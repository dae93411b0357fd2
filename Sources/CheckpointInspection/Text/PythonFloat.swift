#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Python's `format(value, ".3")`: three significant digits, always with a point or an exponent.
///
/// CPython's rule for a precision without a type (Python/pystrtod.c, `Py_DTSF_ADD_DOT_0`): like
/// `g`, but a number that would fill all its digits before the point takes an exponent instead.
package func pythonThreeDigits(_ value: Double) -> String {
  if value.isNaN { return "nan" }
  if value.isInfinite { return value < 0 ? "-inf" : "inf" }
  let digits = 3
  let (mantissa, exponent) = scientific(value.magnitude, digits: digits)
  let sign = value.sign == .minus ? "-" : ""
  if exponent < -4 || exponent >= digits - 1 {
    let fraction = withoutTrailingZeros(mantissa.dropFirst())
    let power = String(abs(exponent))
    return sign + mantissa.prefix(1) + (fraction.isEmpty ? "" : "." + fraction)
      + "e\(exponent < 0 ? "-" : "+")\(power.count < 2 ? "0" : "")\(power)"
  }
  let padded = String(repeating: "0", count: max(0, -exponent)) + mantissa
  let whole = padded.prefix(max(0, exponent) + 1)
  let fraction = withoutTrailingZeros(padded.dropFirst(whole.count))
  return sign + whole + "." + (fraction.isEmpty ? "0" : fraction)
}

private func withoutTrailingZeros(_ text: Substring) -> String {
  var text = text
  while text.last == "0" { text.removeLast() }
  return String(text)
}

/// The significant digits of `value`, correctly rounded by the C library, without a point, and the
/// power of ten of the first.
private func scientific(_ value: Double, digits: Int) -> (mantissa: String, exponent: Int) {
  // A sign, the digits, a point, and an exponent of at most five characters.
  var buffer = [CChar](repeating: 0, count: digits + 16)
  let length = unsafe withVaList([CInt(digits - 1), value]) { arguments in
    unsafe vsnprintf(&buffer, buffer.count, "%.*e", arguments)
  }
  let text = String(
    decoding: buffer.prefix(Int(length)).map(UInt8.init(bitPattern:)), as: UTF8.self)
  let parts = text.split(separator: "e")
  guard parts.count == 2, let exponent = Int(parts[1]) else { return ("0", 0) }
  return (parts[0].filter(\.isNumber), exponent)
}
