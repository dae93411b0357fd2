package import CheckpointCore
import CheckpointMapping

/// A tensor of the layer at which two models part that is not what the mapping makes of the
/// source, and what seems to have been done to it.
package struct Suspect: Sendable {
  package let tensor: TensorName
  /// The tensors of the other framework that it is made from.
  package let sources: [TensorName]
  /// A phrase that follows the tensor's name.
  package let finding: String

  /// The suspects among the tensors of `layer`.
  static func find(
    in layer: TensorName, _ converted: ReferenceModel, _ source: ReferenceModel
  ) throws -> [Suspect] {
    let mapping = try CompiledMapping(converted.document)
    let tensors = mapping.targets.filter { tensor in
      tensor.name == layer || tensor.name.hasPrefix("\(layer).")
        || tensor.name == gridProjected(by: layer)
    }
    return try tensors.compactMap { tensor in
      let found = try converted.torchParameter(tensor.name)
      let expected = try source.torchParameter(tensor.name)
      guard found != expected else { return nil }
      let finding =
        try explain(tensor, found, expected)
        ?? belongsElsewhere(tensor, found, mapping, source)
        ?? movedBetweenBiases(tensor, found, expected, converted, source)
        ?? "is not what the mapping makes of the source"
      return Suspect(tensor: tensor.name, sources: tensor.origin.sources, finding: finding)
    }
  }

  /// The grid of coordinates that a position embedding's projection is applied to.
  private static func gridProjected(by layer: TensorName) -> TensorName? {
    let projection = ".project_add_dense"
    return layer.text.hasSuffix(projection)
      ? "\(layer.text.dropLast(projection.count)).pos_embedding" : nil
  }

  private static func explain(
    _ tensor: CompiledMapping.Target, _ found: [Double], _ expected: [Double]
  ) -> String? {
    tensor.shape.flatMap {
      LayoutDiagnosis(shape: $0, rule: tensor.origin)
        .explain(found: found, expected: expected)
    }
  }

  /// The tensors that were exchanged have the same shape.
  private static func belongsElsewhere(
    _ tensor: CompiledMapping.Target, _ found: [Double], _ mapping: CompiledMapping,
    _ source: ReferenceModel
  ) throws -> String? {
    for other in mapping.targets where other.name != tensor.name && other.shape == tensor.shape {
      if try source.torchParameter(other.name) == found {
        return "holds what belongs in \(other.name)"
      }
    }
    return nil
  }

  /// A GRU adds its two biases: what one lacks may stand in the other.
  private static func movedBetweenBiases(
    _ tensor: CompiledMapping.Target, _ found: [Double], _ expected: [Double],
    _ converted: ReferenceModel, _ source: ReferenceModel
  ) throws -> String? {
    let pairs = ["bias_ih": "bias_hh", "bias_hh": "bias_ih"]
    guard let (module, parameter) = tensor.name.groups.last,
      let other = pairs[parameter.text]
    else { return nil }
    let name: TensorName = "\(module).\(other)"
    let (foundOther, expectedOther) = (
      try converted.torchParameter(name), try source.torchParameter(name)
    )
    let isMoved = found.indices.allSatisfy { index in
      let (sum, right) = (found[index] + foundOther[index], expected[index] + expectedOther[index])
      // The sum was rounded to float32 when the bias was moved.
      return (sum - right).magnitude <= 1e-6 * max(right.magnitude, 1)
    }
    return isMoved ? "holds a part of what belongs in \(name), or lacks it" : nil
  }
}
