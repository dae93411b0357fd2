package import CheckpointCore

/// Checks a checkpoint against a schema, in one pass over its elements.
package struct CheckpointValidator: Sendable {
  /// What was found, and how much was looked at.
  package struct Outcome: Sendable {
    package let findings: [Finding]
    package let checkedTensors: Int
  }

  private let schema: CheckpointSchema
  private let threads: Int

  package init(_ schema: CheckpointSchema, threads: Int) {
    self.schema = schema
    self.threads = threads
  }

  /// - Parameters:
  ///   - entries: the checkpoint's, as selected.
  ///   - source: the elements that each tensor should be made of, by name, where a source to
  ///     compare with is at hand.
  package func validate(
    _ entries: [CheckpointEntry], against source: [TensorName: OutputTensor]? = nil,
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) throws -> Outcome {
    let validation = try validation(of: entries, against: source, stream: stream)
    return try validation.outcome(
      validation.scans.outcomes(), againstSource: validation.sourceCheck?.outcomes() ?? [])
  }

  /// The same as passes over the elements, which can be divided.
  ///
  /// - Parameter hashesAll: whether every tensor is hashed, so that tensors can be compared where
  ///   their elements are not at hand any more.
  package func validation(
    of entries: [CheckpointEntry], against source: [TensorName: OutputTensor]?,
    hashesAll: Bool = false,
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) throws -> Validation {
    try Validation(schema, entries, source, threads, hashesAll: hashesAll, stream: stream)
  }
}
