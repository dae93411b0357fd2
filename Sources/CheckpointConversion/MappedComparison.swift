package import CheckpointCore
package import CheckpointFormats
package import CheckpointInspection
package import CheckpointMapping

extension Checkpoint {
  /// The tensors as a comparison takes them.
  ///
  /// - Parameter progress: told of every run that is read.
  /// - Throws: `CheckpointError` where an entry holds data that cannot be read.
  package func comparedTensors(_ progress: Progress? = nil) throws -> [ComparedTensor] {
    try readableTensors().map { tensor in
      ComparedTensor(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape) { sink in
        try stream(tensor) { position, run in
          try sink(position, run)
          progress?.advance(bytes: run.count)
        }
        progress?.finishTensor()
      }
    }
  }

  /// What a model's mapping makes of the tensors, in whichever direction fits, to be compared with
  /// those of `other`.
  ///
  /// - Throws: `CheckpointError` where the mapping does not fit, where names that it holds to be one
  ///   tensor differ, or where an entry holds data that cannot be read.
  package func comparedTensors(
    mappedBy model: ModelDocument, against other: Checkpoint
  ) throws -> [ComparedTensor] {
    try comparedTensors(mappedBy: model, against: other, comparesPairs: true)
  }

  /// - Parameter comparesPairs: whether names that the mapping holds to be one tensor are compared,
  ///   which reads them.
  package func comparedTensors(
    mappedBy model: ModelDocument, against other: Checkpoint, comparesPairs: Bool
  ) throws -> [ComparedTensor] {
    _ = try readableTensors()
    let plan = try inFile(path) {
      let plan = try ModelMatcher.planEitherWay(entries, models: [model])
      if comparesPairs { try plan.checkEqualPairs(in: reader) }
      return plan
    }
    let outputs = plan.outputs(from: reader)
    let byName = Dictionary(outputs.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    // Formats without shared storage may leave second names out: they are compared where they are.
    let present = Set(other.tensors.map(\.name))
    return outputs.compactMap { output in
      guard output.aliasOf == nil || present.contains(output.name) else { return nil }
      let original = output.aliasOf.flatMap { byName[$0] } ?? output
      return ComparedTensor(
        name: output.name, dtype: original.dtype, shape: original.shape, produce: original.produce)
    }
  }
}
