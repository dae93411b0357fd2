public import CheckpointCore

/// Which way the rules of a mapping are gone.
public enum ConversionDirection: Sendable {
  /// From the rules' sources to their targets.
  case forward
  case reverse

  public var reversed: ConversionDirection { self == .forward ? .reverse : .forward }
}

extension ModelDocument {
  /// The way in which the rules are read where the document as a whole is read in `direction`; the
  /// same the other way round.
  public func oriented(_ direction: ConversionDirection) -> ConversionDirection {
    isReversed ? direction.reversed : direction
  }

  /// A direction in the words of the document's sides: `flax-to-torch`.
  public func name(of direction: ConversionDirection) -> String {
    direction == .forward
      ? "\(sides.source)-to-\(sides.target)" : "\(sides.target)-to-\(sides.source)"
  }

  /// The direction that `name` stands for.
  public func direction(named name: String) -> ConversionDirection? {
    [.forward, .reverse].first { self.name(of: $0) == name }
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
    /// What it is to its layer: the layout's name, or what stands for one.
    public let role: String
    /// The number of the rule in the model document.
    public let rule: Int
    let operation: Operation
  }

  enum Operation: Sendable {
    /// From its sources, each number changed where there is an operation on them.
    case rearrange(Rearrangement, ValueOperation?)
    case constant(MappingRule.Constant.Value)
    /// The tensor of this name in the template.
    case template(TensorInfo)
    case alias
  }

  /// What a step is where its rule names no layout.
  public static let layoutRole = "layout"
  public static let constantRole = "constant"
  public static let templateRole = "template"
  public static let aliasRole = "alias"

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
