/// Where two runs of one model part, and why.
public struct Fault: Sendable {
  /// Where two runs part.
  public enum Kind: String, Sendable {
    /// A call whose inputs agree, or whose own computation is known, and whose output parts.
    case layer
    /// What lies before a call: its input is made in another way.
    case between
  }

  /// Where it lies.
  public let kind: Kind
  /// The calls' modules; for `between`, those whose input is the first to part.
  public let source: String
  /// The converted model's.
  public let converted: String
  /// The largest difference, of the output or, for `between`, of the input, and as a part of the
  /// source's scale.
  public let maximum: Double
  /// As a part of the source's largest element.
  public let relative: Double
  /// What makes them part; empty where nothing that is known does.
  public let causes: [Cause]
}

/// What makes two computations differ, found by trying.
public struct Cause: Sendable {
  /// One of the ids in docs/verify.md.
  public let id: String
  /// The share of the difference that goes with it, from 0 to 1; `nil` where it could not be tried.
  public let explains: Double?
  /// What it alone does to the layer's output, as a part of its scale; `nil` where it was not tried.
  public let effect: Double?
  /// What the difference is, in a sentence.
  public let text: String
  /// What to change in the converted model.
  public let fix: String
}
