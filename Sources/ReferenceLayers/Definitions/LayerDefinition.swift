/// What one kind of layer computes, for every framework: its operands and inputs brought into one
/// layout, the choices that its frameworks make differently, and the computation in float64.
///
/// Images are channels-last, (items, …, channels); kernels are (…, inputs, outputs).
package protocol LayerDefinition: Sendable {
  /// What the ids of causes begin with.
  var id: String { get }
  /// What a person calls it.
  var title: String { get }

  /// Whether a module is of this kind.
  func describes(_ facts: LayerFacts) -> Bool

  /// Whether the layer is judged as one even where the framework calls other modules inside it.
  var isComposite: Bool { get }

  /// The operands from the module's own tensors; `nil` where one is missing or has another shape.
  func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands?

  /// How the module computes, by its attributes, on inputs in the common layout.
  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings?

  /// What a call was given, in the common layout.
  func inputs(_ facts: LayerFacts, _ tensors: [NamedTensor]) -> [Tensor<Double>]
  /// What a call returned, in the common layout; `nil` where that is not one tensor.
  func output(_ facts: LayerFacts, _ tensors: [NamedTensor]) -> Tensor<Double>?

  /// An input or output in the common layout, where one rule is right for all.
  func layout(_ tensor: Tensor<Double>, _ facts: LayerFacts) -> Tensor<Double>

  /// The layer's output in the common layout; `nil` where the shapes do not fit one another.
  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>?

  /// Other values that modules are built with, setting by setting.
  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]]

  /// The same computation on an input of other extents, where what it has more is of no account: zeros
  /// around an image are padding, whoever put them there.
  func fitted(
    _ inputs: [Tensor<Double>], _ settings: Settings, to shape: [Int]
  ) -> (inputs: [Tensor<Double>], settings: Settings)?

  /// The same computation with an output of smaller extents, where only what lies behind is cut off.
  func trimmed(
    _ output: Tensor<Double>, _ settings: Settings, to shape: [Int]
  ) -> (output: Tensor<Double>, settings: Settings)?

  /// Whether the channels of images are the second axis instead of the last; `nil` where it may be
  /// either.
  func hasChannelsFirst(_ facts: LayerFacts) -> Bool?

  /// Whether every framework has the features last, so that no layout exchanges them.
  func keepsFeaturesLast(_ facts: LayerFacts) -> Bool

  /// Whether items of the leading axis are computed apart, so that a few stand for all.
  var isPerItem: Bool { get }
}

extension LayerDefinition {
  package var isComposite: Bool { false }
  package var isPerItem: Bool { true }
  package func hasChannelsFirst(_ facts: LayerFacts) -> Bool? { nil }
  package func keepsFeaturesLast(_ facts: LayerFacts) -> Bool { false }
  package func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands? {
    [:]
  }
  package func inputs(_ facts: LayerFacts, _ tensors: [NamedTensor]) -> [Tensor<Double>] {
    tensors.prefix(1).map { layout($0.tensor, facts) }
  }
  package func output(_ facts: LayerFacts, _ tensors: [NamedTensor]) -> Tensor<Double>? {
    tensors.first.map { layout($0.tensor, facts) }
  }
  package func fitted(
    _ inputs: [Tensor<Double>], _ settings: Settings, to shape: [Int]
  ) -> (inputs: [Tensor<Double>], settings: Settings)? { nil }
  package func trimmed(
    _ output: Tensor<Double>, _ settings: Settings, to shape: [Int]
  ) -> (output: Tensor<Double>, settings: Settings)? { nil }
  package func layout(_ tensor: Tensor<Double>, _ facts: LayerFacts) -> Tensor<Double> { tensor }
  package func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] { [:] }
}

/// A tensor of a call with the name of its argument, or of its place in what is returned.
package typealias NamedTensor = (name: String, tensor: Tensor<Double>)

/// All kinds of layers that are known.
package enum LayerDefinitions {
  package static let all: [any LayerDefinition] = [
    DenseDefinition(), ConvolutionDefinition(), TransposedConvolutionDefinition(),
    LayerNormDefinition(), RMSNormDefinition(), BatchNormDefinition(), GroupNormDefinition(),
    EmbeddingDefinition(), ActivationDefinition(), PoolingDefinition(),
    RecurrentDefinition(), AttentionDefinition(),
  ]

  package static func definition(for facts: LayerFacts) -> (any LayerDefinition)? {
    all.first { $0.describes(facts) }
  }
}

extension LayerFacts {
  /// Whether the class, or one it derives from, has one of these names, under the prefix that
  /// libraries put before their own.
  package func isNamed(_ names: Set<String>) -> Bool {
    classNames.contains { name in
      names.contains(name) || (name.hasPrefix("Flax") && names.contains(String(name.dropFirst(4))))
    }
  }
}
