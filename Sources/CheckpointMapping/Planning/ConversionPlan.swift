public import CheckpointCore

public enum ConversionDirection: String, Sendable {
  case flaxToTorch = "flax-to-torch"
  case torchToFlax = "torch-to-flax"

  public var reversed: ConversionDirection {
    self == .flaxToTorch ? .torchToFlax : .flaxToTorch
  }
}

/// What a conversion will do, tensor by tensor: decided in full before anything is written.
public struct ConversionPlan: Sendable {
  public struct Step: Sendable {
    public let name: TensorName
    public let dtype: DType
    public let shape: Shape
    /// The earlier step whose storage this one shares.
    public let aliasOf: TensorName?
    /// The tensors it is made from, under the names they have below `root`.
    public let sources: [TensorInfo]
    public let role: Role?
    /// The number of the rule in the model document.
    public let rule: Int
    let operation: Operation
  }

  enum Operation: Sendable {
    /// The target of the transform, from all its sources.
    case scatter(LayoutTransform)
    /// One source of the transform, back out of its target.
    case gather(LayoutTransform, index: Int)
    case fill(Double)
    case alias
  }

  /// Two names that must hold the same elements: the mapping says one is an alias of the other, but
  /// the file keeps them apart.
  public struct EqualPair: Sendable {
    public let alias: TensorInfo
    public let original: TensorInfo
  }

  public let model: ModelDocument
  public let direction: ConversionDirection
  /// Where in the file the parameters were found; `""` at the top.
  public let root: TensorName
  public let steps: [Step]
  public let equalPairs: [EqualPair]
  /// Every tensor that is consumed, once, in the order of its first use; second names of others
  /// left out.
  public var sources: [TensorInfo] {
    var names: Set<TensorName> = []
    return steps.flatMap(\.sources).filter { names.insert($0.name).inserted }
  }
  /// Entries that are no part of the parameters.
  public let leftOut: [CheckpointEntry]
}
