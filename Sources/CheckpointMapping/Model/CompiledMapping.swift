public import CheckpointCore

/// A model's mapping with every rule expanded and checked: each PyTorch tensor with its sources.
public struct CompiledMapping: Sendable {
  public struct Tensor: Sendable {
    public let target: TensorName
    public let sources: [TensorName]
    public let role: Role
    public let heads: Int?
    /// Known where the document has a module tree.
    public let shape: Shape?
    /// The number of the rule it came from.
    public let rule: Int
  }

  public struct Constant: Sendable {
    public let target: TensorName
    public let shape: Shape
    public let dtype: DType
    public let value: Double
    public let rule: Int
  }

  public struct Alias: Sendable {
    public let name: TensorName
    public let of: TensorName
    public let rule: Int
  }

  public let model: ModelDocument
  /// In the order of `state_dict()`, or of the rules where there is no module tree.
  public let tensors: [Tensor]
  public let constants: [Constant]
  /// The second names of tensors, in the order of `state_dict()`.
  public let aliases: [Alias]
  /// Subtrees of Flax names that have no counterpart, with their rules.
  public let drops: [(name: TensorName, rule: Int)]

  /// - Throws: the first of `MappingLint`'s errors, where there is one.
  public init(_ model: ModelDocument) throws {
    let (mapping, findings) = try MappingLint.compile(model)
    if let error = findings.first(where: { $0.severity == .error }) {
      throw CheckpointError(entry: error.subject, error.message, advice: "see 'savi-ckpt map lint'")
    }
    self = mapping
  }

  init(
    model: ModelDocument, tensors: [Tensor], constants: [Constant], aliases: [Alias],
    drops: [(name: TensorName, rule: Int)]
  ) {
    self.model = model
    self.tensors = tensors
    self.constants = constants
    self.aliases = aliases
    self.drops = drops
  }

  /// The Flax names the mapping consumes.
  public var sourceNames: [TensorName] { tensors.flatMap(\.sources) }
  /// The PyTorch names it produces, aliases apart.
  public var targetNames: [TensorName] { tensors.map(\.target) + constants.map(\.target) }

  func isDropped(_ name: TensorName) -> Bool {
    drops.contains { name == $0.name || name.hasPrefix("\($0.name)/") }
  }
}
