/// Arithmetic on sizes that come from files: `nil` instead of a trap on overflow.
extension Int {
  /// `self * other`, or `nil` where the product does not fit.
  package func multipliedChecked(by other: Int) -> Int? {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? nil : product
  }

  /// `self + other`, or `nil` where the sum does not fit.
  package func addingChecked(_ other: Int) -> Int? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }

  /// The smallest multiple of `alignment` (a power of two) that is at least `self`,
  /// for offsets inside a file being written.
  package func roundedUp(toMultipleOf alignment: Int) -> Int {
    (self + alignment - 1) & ~(alignment - 1)
  }
}

/// The product of `factors`, each at least zero; `nil` on overflow. The empty product is 1.
///
/// A zero anywhere makes the product zero even where the other factors alone would overflow,
/// as the element count of a NumPy array of shape `(0, 2**62, 4)` is zero.
@specialized(where Factors == [Int])
package func checkedProduct<Factors: Sequence<Int>>(_ factors: Factors) -> Int? {
  if factors.contains(0) { return 0 }
  var product = 1
  for factor in factors {
    guard let next = product.multipliedChecked(by: factor) else { return nil }
    product = next
  }
  return product
}
