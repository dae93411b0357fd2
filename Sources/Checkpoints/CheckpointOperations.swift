import Bytes
import CheckpointConversion
import CheckpointCore
public import CheckpointFormats
public import CheckpointInspection
public import CheckpointValidation

// What the commands do, by all processors. Each reads run by run, whatever the size of the file.

extension Checkpoint {
  /// The SHA-256 of every tensor and of the whole, equal for equal tensors in any format.
  ///
  /// - Throws: `CheckpointError` where an entry holds data that cannot be read.
  public func hash() throws -> CheckpointHash {
    try CheckpointHash(readableTensors(), threads: Machine.processorCount) { try stream($0, $1) }
  }

  /// Size, mean, deviation and range of every tensor.
  ///
  /// - Throws: `CheckpointError` where one cannot be read.
  public func statistics() throws -> [StatisticsRow] {
    try CheckpointInspection.statistics(of: tensors, threads: Machine.processorCount) {
      try stream($0, $1)
    }
  }

  /// How the tensors of `other` differ from these, by name.
  ///
  /// - Parameters:
  ///   - other: the second side.
  ///   - atol: the absolute difference that still counts as equal.
  ///   - rtol: the same in proportion to the value in `other`.
  /// - Throws: `CheckpointError` where an entry holds data that cannot be read.
  public func differences(
    from other: Checkpoint, atol: Double = 0, rtol: Double = 0
  ) throws -> CheckpointDiff {
    try CheckpointDiff(
      comparedTensors(), other.comparedTensors(), atol: atol, rtol: rtol,
      threads: Machine.processorCount, memory: Self.comparisonMemory)
  }

  /// Bytes of tensors that a comparison holds at once.
  private static let comparisonMemory = 256 << 20

  /// What `schema` finds.
  ///
  /// - Throws: `CheckpointError` where the schema cannot be applied, or a tensor not be read.
  public func findings(of schema: CheckpointSchema) throws -> [Finding] {
    try CheckpointValidator(schema, threads: Machine.processorCount)
      .validate(entries) { try stream($0, $1) }.findings
  }
}
