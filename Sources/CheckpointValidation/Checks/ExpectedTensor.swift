import CheckpointCore
import CheckpointMapping

/// A tensor that must be there, with everything that is asked of it.
struct ExpectedTensor: Sendable {
  let name: TensorName
  let isRequired: Bool
  let shape: [SchemaEntry.Extent]?
  /// The first name, where this is a second.
  let aliasOf: TensorName?
}

extension CheckpointSchema {
  /// The tensors with known names: the model's, then those of the entries.
  func expectedTensors() throws -> [ExpectedTensor] {
    // An entry may say of the model's tensor that it can be absent.
    let fromModel = try modelTensors().map { tensor in
      ExpectedTensor(
        name: tensor.name,
        isRequired: tensor.isRequired && entries(for: tensor.name).allSatisfy(\.isRequired),
        shape: tensor.shape, aliasOf: tensor.aliasOf)
    }
    let known = Set(fromModel.map(\.name))
    let fromEntries = entries.flatMap { entry in
      entry.names.filter { !known.contains($0) }.map {
        ExpectedTensor(
          name: $0, isRequired: entry.isRequired, shape: entry.shape, aliasOf: entry.aliasOf)
      }
    }
    return fromModel + fromEntries
  }

  /// The tensors of the schema's model.
  func modelTensors() throws -> [ExpectedTensor] {
    guard let model else { return [] }
    func fixed(_ shape: Shape) -> [SchemaEntry.Extent] {
      shape.dimensions.map(SchemaEntry.Extent.fixed)
    }
    if layout == .torch, let modules = model.modules {
      return try modules.stateDict().map {
        ExpectedTensor(
          name: $0.name, isRequired: $0.aliasOf == nil, shape: fixed($0.shape), aliasOf: $0.aliasOf)
      }
    }
    let mapping = try CompiledMapping(model)
    guard layout == .flax else {
      return mapping.targets.map {
        ExpectedTensor(
          name: $0.name, isRequired: true, shape: $0.shape.map(fixed), aliasOf: nil)
      }
    }
    return mapping.tensors.flatMap { tensor -> [ExpectedTensor] in
      let shape = tensor.sourceShape.map(fixed)
      return tensor.sources.map {
        ExpectedTensor(name: $0, isRequired: true, shape: shape, aliasOf: nil)
      }
    }
  }

  /// What is asked of the elements of `name`: of every entry that covers it the first that says
  /// something, then the defaults.
  func constraints(for name: TensorName) -> TensorConstraints {
    entries(for: name).reversed().reduce(defaults) { result, entry in
      entry.constraints.over(result)
    }
  }

  /// The recorded centroid of `name`: an entry with a range has one per number.
  func centroid(for name: TensorName) -> [Double]? {
    for entry in entries(for: name) {
      guard let centroids = entry.constraints.centroids,
        let numbers = entry.pattern.match(name)
      else { continue }
      guard let range = entry.range, let number = numbers.first else { return centroids.first }
      let index = number - range.lowerBound
      return centroids.indices.contains(index) ? centroids[index] : nil
    }
    return nil
  }
}
