import CheckpointCore

/// Something about a tensor that a person should look at.
package struct TensorFlag: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    case notANumber = "nan"
    case infinite
    /// All elements are one number.
    case constant
    /// Slices along the first or the last axis hold nothing but zeros.
    case deadChannels = "dead_channels"
    /// Another tensor has the same elements, in a storage of its own.
    case duplicated
    /// An element lies far from all others.
    case outlier
    /// float16's largest number occurs, where a larger one was meant or an overflow was cut.
    case saturated
    /// A conversion to float16 would overflow.
    case beyondFloat16 = "beyond_float16"
  }

  package let kind: Kind
  /// What was found, in a few words.
  package let text: String

  /// A normal distribution of as many elements as any tensor has stays within seven standard
  /// deviations; weights with heavy tails within some more.
  private static let outlierDeviations = 20.0
  private static let largestFloat16 = 65504.0

  /// - Parameter twin: the first tensor of the same elements, where another has them.
  static func flags(_ tensor: TensorInfo, _ scan: TensorScan, twin: TensorName?) -> [TensorFlag] {
    let figures = scan.statistics
    var flags: [TensorFlag] = []
    func add(_ kind: Kind, _ text: String) { flags.append(TensorFlag(kind: kind, text: text)) }
    if figures.nanCount > 0 { add(.notANumber, "\(thousands(figures.nanCount)) NaN") }
    if figures.infinityCount > 0 {
      add(.infinite, "\(thousands(figures.infinityCount)) infinite")
    }
    let isConstant =
      figures.count > 1 && figures.nanCount == 0 && figures.minimum == figures.maximum
    if isConstant {
      add(.constant, "every element is \(pythonThreeDigits(figures.minimum))")
    } else {
      if let (first, last) = scan.deadChannels {
        let extents = tensor.shape.dimensions
        if first > 0 { add(.deadChannels, dead(first, extents[0], "first")) }
        if last > 0 { add(.deadChannels, dead(last, extents[extents.count - 1], "last")) }
      }
      if let twin { add(.duplicated, "the same elements as \(twin)") }
    }
    let distance = max(figures.maximum - figures.mean, figures.mean - figures.minimum)
    let deviations = distance / figures.standardDeviation
    if deviations.isFinite, deviations > outlierDeviations {
      add(.outlier, "an element \(Int(deviations)) standard deviations from the mean")
    }
    let largest = max(figures.maximum.magnitude, figures.minimum.magnitude)
    if tensor.dtype == .float16, largest == largestFloat16 {
      add(.saturated, "reaches float16's largest number, 65504")
    } else if tensor.dtype != .float16, ElementCast.canCast(tensor.dtype),
      largest.isFinite, largest > largestFloat16
    {
      add(.beyondFloat16, "reaches \(pythonThreeDigits(largest)), beyond float16's 65504")
    }
    return flags
  }

  private static func dead(_ count: Int, _ extent: Int, _ axis: String) -> String {
    "\(thousands(count)) of \(thousands(extent)) slices along the \(axis) axis are zero"
  }

  /// A member of `schemas/report.schema.json`.
  var json: JSONValue { .object(["kind": .string(kind.rawValue), "text": .string(text)]) }
}
