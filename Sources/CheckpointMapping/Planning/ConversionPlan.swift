package import CheckpointCore

/// Which way the rules of a mapping are gone.
public enum ConversionDirection: Sendable {
  /// From the rules' sources to their targets.
  case forward
  case reverse

  package var reversed: ConversionDirection { self == .forward ? .reverse : .forward }
}

extension ModelDocument {
  /// The way in which the rules are read where the document as a whole is read in `direction`; the
  /// same the other way round.
  package func oriented(_ direction: ConversionDirection) -> ConversionDirection {
    isReversed ? direction.reversed : direction
  }

  /// A direction in the words of the document's sides: `flax-to-torch`.
  package func name(of direction: ConversionDirection) -> String {
    direction == .forward
      ? "\(sides.source)-to-\(sides.target)" : "\(sides.target)-to-\(sides.source)"
  }

  /// The direction that `name` stands for.
  package func direction(named name: String) -> ConversionDirection? {
    [.forward, .reverse].first { self.name(of: $0) == name }
  }
}

/// What a conversion will do, tensor by tensor: decided in full before anything is written.
package struct ConversionPlan: Sendable {
  package struct Step: Sendable {
    package let name: TensorName
    package let dtype: DType
    package let shape: Shape
    /// The earlier step whose storage this one shares.
    package let aliasOf: TensorName?
    /// The tensors it is made from, under the names they have below `root`.
    package let sources: [TensorInfo]
    /// What it is to its layer: the layout's name, or what stands for one.
    package let role: String
    /// The number of the rule in the model document.
    package let rule: Int
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
  package static let layoutRole = "layout"
  package static let constantRole = "constant"
  package static let templateRole = "template"
  package static let aliasRole = "alias"

  /// Two names that must hold the same elements: the mapping says one is an alias of the other, but
  /// the file keeps them apart.
  package struct EqualPair: Sendable {
    package let alias: TensorInfo
    package let original: TensorInfo
  }

  package let model: ModelDocument
  package let direction: ConversionDirection
  /// Where in the file the parameters were found; `""` at the top.
  package let root: TensorName
  package let steps: [Step]
  package let equalPairs: [EqualPair]
  /// Every tensor that is consumed, once, in the order of its first use; second names of others
  /// left out.
  package var sources: [TensorInfo] {
    var names: Set<TensorName> = []
    return steps.flatMap(\.sources).filter { names.insert($0.name).inserted }
  }
  /// Entries that are no part of the parameters.
  package let leftOut: [CheckpointEntry]
}
