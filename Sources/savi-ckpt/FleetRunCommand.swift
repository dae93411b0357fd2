import ArgumentParser
import CheckpointCore
import CheckpointFleet
import CheckpointInspection

struct FleetRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Do one job of a plan, or go on with it.",
    discussion: """
      Each checkpoint is looked at by a process of its own, and its result is kept when it is done: a \
      job that was ended goes on behind the last one. One whose process was ended by a signal is looked \
      at again. Exit code 0 where all checkpoints of the job \
      are fine, 1 where one is not what it should be, 2 where one cannot be read.
      """)

  @Argument(help: "The plan.", completion: .file(extensions: ["json"]))
  var plan: String

  @Option(help: ArgumentHelp("The number of the job, from 1.", valueName: "n"))
  var job: Int

  @Flag(help: "Also look again at checkpoints that could not be read.")
  var retry = false

  @OptionGroup var results: FleetResultsOptions
  @OptionGroup var notes: NoteOptions

  func run() throws {
    let plan = try FleetPlan(path: self.plan, toolVersion: toolVersion)
    guard (1...plan.jobCount).contains(job) else {
      throw CheckpointError(
        kind: .usage, "there is no job \(job): the plan has \(plan.jobCount), from 1")
    }
    let ledger = try FleetLedger(plan, job: job, in: results.folder(of: self.plan))
    let done = ledger.results.filter { $0.isFinal && !(retry && $0.exitCode > 1) }
    let skipped = Set(done.map(\.item))
    var codes = done.map(\.exitCode)
    let items = plan.items(ofJob: job)
    for item in items where !skipped.contains(item) {
      let result = try outcome(of: item, plan)
      try ledger.add(result)
      codes.append(result.exitCode)
      let path = plan.items[item].path
      if let failure = result.failure(of: path) { notes.note("\(path): \(failure)") }
    }
    let failures = codes.count { $0 != 0 }
    try Console.output(
      "job \(job) of \(plan.jobCount): \(counted(items.count, "checkpoint"))"
        + (done.isEmpty ? "" : ", \(done.count) done before")
        + ", \(failures == 0 ? "all fine" : "\(failures) not fine")")
    if let worst = codes.max(), worst > 0 { throw ExitCode(worst == 1 ? 1 : 2) }
  }

  private func outcome(of index: Int, _ plan: FleetPlan) throws -> FleetResult {
    let item = plan.items[index]
    if let planned = item.state, let now = FleetFileState(of: item.path), now != planned {
      return FleetResult(
        item: index, end: .exited(2), document: nil,
        message: "this checkpoint has changed since the plan was made; plan again", seconds: 0)
    }
    return try FleetItemCommand.run(plan.command, on: item.path, item: index)
  }
}
