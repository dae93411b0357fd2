public import CheckpointCore

/// How two tensors of one name differ, or that only one of them is there.
public struct TensorDifference: Sendable, Equatable {
  /// What differs.
  public enum Kind: Sendable, Equatable {
    case onlyInFirst
    case onlyInSecond
    case shape(Shape, Shape)
    /// The values are compared as float64 all the same. `isCast` where one side's elements are the
    /// other's, rounded to its dtype.
    case dtype(DType, DType, isCast: Bool)
    case values(ChangedValues)
  }

  /// The name on both sides, or on the one that has it.
  public let name: TensorName
  /// What differs.
  public let kind: Kind
  /// Of a tensor that only one side has: one that only the other side has, with the same elements.
  public internal(set) var sameContentAs: TensorName?
  /// The dtype and shape; the first's, where both have the tensor.
  public let dtype: DType
  /// The extents.
  public let shape: Shape

  init(_ tensor: ComparedTensor, _ kind: Kind) {
    name = tensor.name
    dtype = tensor.dtype
    shape = tensor.shape
    self.kind = kind
  }
}

/// How far the elements of two tensors are apart.
public struct ChangedValues: Sendable, Equatable {
  /// Numbers beyond the tolerance.
  public internal(set) var count = 0
  /// Elements altogether, and the numbers that they are: two for a complex element.
  public internal(set) var elementCount = 0
  var numberCount = 0
  /// The largest |a - b|.
  public internal(set) var maximum = 0.0
  /// The sum of |a - b|.
  var sum = 0.0
  /// The index of the first element beyond the tolerance.
  public internal(set) var firstIndex: [Int] = []
  /// Its values on both sides.
  public internal(set) var first: Pair = Pair(first: 0, second: 0)

  /// With d = b - a: Σ a², Σ a·d and Σ d². Norms and angle follow from them, and where little
  /// changed they keep the digits that Σ a·b would lose.
  var squares = 0.0
  var cross = 0.0
  var changeSquares = 0.0

  /// The values of one element.
  public struct Pair: Sendable, Equatable {
    /// The first side's.
    public let first: Double
    /// The second side's.
    public let second: Double
  }

  /// The mean of |a - b| over all elements.
  public var mean: Double { elementCount > 0 ? sum / Double(elementCount) : 0 }

  /// ‖b - a‖ / ‖a‖: infinite where everything was zero, NaN where an element is not finite.
  public var relative: Double { (changeSquares / squares).squareRoot() }

  /// The cosine of the angle between a and b; NaN where one of them is zero or not finite.
  public var cosine: Double {
    (squares + cross) / (squares * (squares + 2 * cross + changeSquares)).squareRoot()
  }

  /// The share of the numbers beyond the tolerance, from 0 to 1.
  public var changedShare: Double { Double(count) / Double(max(1, numberCount)) }

  /// The larger of two distances; NaN where one is.
  static func larger(_ a: Double, _ b: Double) -> Double {
    a.isNaN || b.isNaN ? .nan : max(a, b)
  }
}
