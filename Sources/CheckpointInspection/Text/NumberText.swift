/// `1234567` as `1,234,567`.
package func thousands(_ value: Int) -> String {
  var digits = String(value.magnitude)
  var groups: [Substring] = []
  while digits.count > 3 {
    groups.insert(digits.suffix(3), at: 0)
    digits = String(digits.dropLast(3))
  }
  groups.insert(digits[...], at: 0)
  return (value < 0 ? "-" : "") + groups.joined(separator: ",")
}

/// `1 tensor`, `1,234 tensors`.
package func counted(_ count: Int, _ singular: String, _ plural: String? = nil) -> String {
  "\(thousands(count)) \(count == 1 ? singular : plural ?? singular + "s")"
}

/// A byte count for a person: `1.5 MiB`.
package func byteSize(_ bytes: Int) -> String {
  let units = ["B", "KiB", "MiB", "GiB", "TiB"]
  var (value, unit) = (Double(bytes), 0)
  while value >= 1024, unit < units.count - 1 {
    value /= 1024
    unit += 1
  }
  if unit == 0 { return "\(bytes) B" }
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10) \(units[unit])"
}

/// A part of a whole for a person: `12.5 %`, `<0.1 %` where it would round to nothing.
package func percentage(_ part: Double) -> String {
  guard part.isFinite else { return "-" }
  let tenths = (part * 1000).rounded()
  if part > 0, tenths == 0 { return "<0.1 %" }
  // All but a little is not all.
  if part < 1, tenths == 1000 { return ">99.9 %" }
  let whole = Int(tenths) / 10
  return tenths.truncatingRemainder(dividingBy: 10) == 0
    ? "\(whole) %" : "\(whole).\(Int(tenths) % 10) %"
}
