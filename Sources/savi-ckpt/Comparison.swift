import CheckpointConversion
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping

/// Two opened checkpoints to be compared, with a progress line.
struct Comparison {
  let first: Checkpoint
  let second: Checkpoint
  let report: ReportOptions
  var atol = 0.0
  var rtol = 0.0
  /// The mapping that the first is converted by.
  var model: ModelDocument?

  init(_ first: Checkpoint, _ second: Checkpoint, _ report: ReportOptions) {
    (self.first, self.second, self.report) = (first, second, report)
  }

  func run() throws -> CheckpointDiff {
    let tensors =
      try model.map { try first.comparedTensors(mappedBy: $0, against: second) }
      ?? first.comparedTensors()
    let largest = (first.tensors + second.tensors).map(\.byteCount).max() ?? 0
    let limits = WorkLimits.forTensors(largest: largest)
    let progress = Progress(
      totalBytes: second.tensors.reduce(0) { $0 + $1.byteCount },
      totalTensors: second.tensors.count)
    let line = ProgressLine(progress, isQuiet: report.quiet)
    defer { line.finish() }
    return try CheckpointDiff(
      tensors, try second.comparedTensors(progress), atol: atol, rtol: rtol,
      threads: limits.threads, memory: limits.memory)
  }
}
