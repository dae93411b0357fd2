package import CheckpointCore
package import ReferenceLayers

/// A tensor that went into a call or came out of it.
package struct RecordedTensor: Sendable {
  /// The argument's name, or the place in what was returned.
  package let name: String
  package let tensor: TensorInfo
  /// The shape before it was sampled.
  package let fullShape: [Int]

  package var isSampled: Bool { fullShape != tensor.shape.dimensions }
}

/// One call of a module, with what went in and came out.
package struct RecordedCall: Sendable {
  /// Its place in the recording: calls are in the order in which they began.
  package let index: Int
  /// The module's path as its framework names it.
  package let path: String
  /// Where it is not the module's ordinary call.
  package let method: String?
  /// How many calls of this path and method came before.
  package let number: Int
  /// The call it was made in.
  package let parent: Int?
  package let inputs: [RecordedTensor]
  package let outputs: [RecordedTensor]
  package let facts: LayerFacts
  /// The kind of layer it is, where that is known.
  package let definition: (any LayerDefinition)?

  /// The class's own name.
  package var className: String { facts.classNames.first ?? "" }

  /// How a person is told of it.
  package var title: String {
    (path.isEmpty ? "the model itself" : path) + (number > 0 ? " (call \(number + 1))" : "")
  }

  /// Whether it leaves out elements by chance.
  var isTrainedDropout: Bool { facts.isNamed(["Dropout"]) && !isIdentity }

  /// Whether it changes nothing: dropout outside training, an identity.
  package var isIdentity: Bool {
    guard let definition, definition.id == "activation" else { return false }
    return definition.settings(facts, [:], inputs: [Tensor(zeros: [1])])?
      .name(.activation) == "identity"
  }
}
