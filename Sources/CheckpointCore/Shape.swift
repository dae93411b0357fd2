import Bytes

/// The extents of a tensor, outermost first. The empty shape is a scalar.
public struct Shape: Sendable, Hashable {
  /// The extents, the slowest first; none is negative.
  public let dimensions: [Int]
  /// The number of elements.
  public let count: Int

  /// `nil` where an extent is negative or the element count does not fit an `Int`.
  public init?(_ dimensions: [Int]) {
    guard dimensions.allSatisfy({ $0 >= 0 }), let count = checkedProduct(dimensions) else {
      return nil
    }
    self.dimensions = dimensions
    self.count = count
  }

  private init(scalar: Void) { (dimensions, count) = ([], 1) }
  /// The shape of a single element: no extents.
  public static let scalar = Shape(scalar: ())

  /// The number of extents.
  public var rank: Int { dimensions.count }

  /// The C-order strides, in elements.
  package var strides: [Int] {
    // Extents whose product fits have strides that fit, except beside a zero extent, where no
    // element exists to be reached.
    contiguousStrides(dimensions) ?? [Int](repeating: 0, count: rank)
  }

  /// The Fortran-order strides, in elements: the first dimension is contiguous.
  package var fortranStrides: [Int] {
    (contiguousStrides(dimensions.reversed()) ?? [Int](repeating: 0, count: rank)).reversed()
  }
}

extension Shape: CustomStringConvertible {
  /// A Python tuple: `(32, 3, 5, 5)`, `(32,)`, `()`.
  public var description: String {
    dimensions.count == 1
      ? "(\(dimensions[0]),)" : "(\(dimensions.map(String.init).joined(separator: ", ")))"
  }
}
