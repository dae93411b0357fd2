public import CheckpointCore
public import CheckpointMapping

/// What a conversion is asked to do.
public struct ConversionRecipe: Sendable {
  /// Which rules make the target's tensors.
  public enum Mapping: Sendable {
    /// The same tensors under the same names.
    case formatAlone
    /// By the one built-in model whose mapping fits.
    case fitting
    /// By the built-in model of this name, or the document at this path.
    case named(String)
  }

  /// Which rules make the target's tensors.
  public var mapping: Mapping
  /// Whether to go from the document's source to its target, or back.
  public var direction: ConversionDirection
  /// What floating-point tensors are cast to; `nil` to leave them.
  public var dtype: DType?
  /// The path of a checkpoint of the target's side, for the tensors that no source makes.
  public var template: String?
  /// Whether a draft's answers stand where its questions are open.
  public var acceptsOpenQuestions: Bool

  public init(
    mapping: Mapping = .fitting, direction: ConversionDirection = .forward,
    dtype: DType? = nil, template: String? = nil, acceptsOpenQuestions: Bool = false
  ) {
    self.mapping = mapping
    self.direction = direction
    self.dtype = dtype
    self.template = template
    self.acceptsOpenQuestions = acceptsOpenQuestions
  }
}
