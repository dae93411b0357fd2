import CheckpointConversion
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping
import CheckpointParts

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
    let (passes, line) = try passes(WholeWork())
    defer { line.finish() }
    return try passes.diff()
  }

  /// - Returns: `nil` where other parts do the rest.
  func run(_ work: any DividedWork) throws -> CheckpointDiff? {
    let (passes, line) = try passes(work)
    defer { line.finish() }
    let values = try work.outcomes(of: passes.values)
    let contents = try work.outcomes(of: passes.contents)
    guard let values, let contents else { return nil }
    return passes.diff(values: values, contents: contents)
  }

  private func passes(_ work: any DividedWork) throws -> (DiffPasses, ProgressLine) {
    let tensors =
      try model.map {
        try first.comparedTensors(mappedBy: $0, against: second, comparesPairs: !work.isMerge)
      } ?? first.comparedTensors()
    let largest = (first.tensors + second.tensors).map(\.byteCount).max() ?? 0
    let limits = WorkLimits.forTensors(largest: largest)
    let shares = work.part?.count ?? 1
    let progress = Progress(
      totalBytes: second.tensors.reduce(0) { $0 + $1.byteCount } / shares,
      totalTensors: second.tensors.count / shares)
    let line = ProgressLine(progress, isQuiet: report.quiet)
    return (
      DiffPasses(
        tensors, try second.comparedTensors(progress), atol: atol, rtol: rtol,
        threads: limits.threads, memory: limits.memory), line
    )
  }
}
