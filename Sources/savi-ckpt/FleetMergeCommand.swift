import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFleet

struct FleetMergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Make one report of a plan's results, the failures first.",
    discussion: """
      Checkpoints that are not done yet are among the failures. Exit code 0 where all are fine, 1 \
      where one is not what it should be, 2 where one cannot be read or is not done.
      """)

  @Argument(help: "The plan.", completion: .file(extensions: ["json"]))
  var plan: String

  @Option(
    help: ArgumentHelp(
      "The form of the report: text, json, junit or html; with =FILE into a file, which is "
        + "replaced (repeatable).", valueName: "form[=file]"))
  var output: [OutputTarget<FleetReport.Form>] = []

  @OptionGroup var results: FleetResultsOptions
  @OptionGroup var report: ReportOptions

  func validate() throws { try checkPrinted(output, report) }

  func run() throws {
    for file in output.compactMap(\.file) {
      try OutputPlace.checkDistinct(file, from: [plan], option: "--output")
    }
    let plan = try FleetPlan(path: self.plan, toolVersion: toolVersion)
    let folder = results.folder(of: self.plan)
    let result = FleetReport(
      plan,
      try (1...plan.jobCount).flatMap { try FleetLedger.results(plan, job: $0, in: folder) })
    let unfinished = result.unfinishedJobs
    if !unfinished.isEmpty {
      report.note(
        "not finished: \(unfinished.count == 1 ? "job" : "jobs") "
          + unfinished.prefix(16).map(String.init).joined(separator: ", ")
          + (unfinished.count > 16 ? ", …" : "") + "; 'fleet run --job N' goes on with each")
    }
    for target in output {
      guard let file = target.file else { continue }
      try AtomicFile.write(result.text(target.form) + "\n", to: file, overwrite: true)
    }
    let printed = output.first { $0.file == nil }?.form
    try Console.output(result.text(report.json ? .json : printed ?? .text))
    if result.exitCode != 0 { throw ExitCode(Int32(result.exitCode)) }
  }
}
