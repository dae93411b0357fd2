import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFleet
import CheckpointFormats
import CheckpointInspection

struct FleetPlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Divide checkpoints into jobs of like size.",
    discussion: """
      A checkpoint is a file, an index of shards or a folder; of a folder that is none itself, all \
      checkpoints in it and in its folders are taken. A list has a path per line; '-' is standard \
      input. --run comes last, with the command that is run on each checkpoint: --run validate \
      --schema savi-small, or hash, stats, describe or ls. Without it, every checkpoint is read whole \
      and hashed.
      """)

  @Argument(
    help: "Checkpoints, folders, patterns such as 'runs/*.pt', or lists of such.",
    completion: .file())
  var list: [String]

  @Option(name: .shortAndLong, help: "The plan to write.", completion: .file(extensions: ["json"]))
  var output: String

  @Option(help: ArgumentHelp("How many jobs to make.", valueName: "n"))
  var jobs: Int?

  @Option(
    help: ArgumentHelp(
      "How much a job has to read (64GiB): a checkpoint is never divided.", valueName: "size"))
  var jobSize: ByteSize?

  @Option(
    name: .customLong("run"), parsing: .remaining,
    help: ArgumentHelp(
      "The command to run on each checkpoint, without its name (hash): everything that follows.",
      valueName: "command"))
  var command: [String] = []

  @Flag(help: "Replace the plan if it exists.")
  var force = false

  @OptionGroup var notes: NoteOptions

  /// What a job has to read where nothing else is asked for.
  private static let defaultJobSize = 64 << 30
  private static let maximumJobs = 100_000

  func validate() throws {
    if let jobs, !(1...Self.maximumJobs).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to \(Self.maximumJobs).")
    }
    guard jobs == nil || jobSize == nil else {
      throw ValidationError("--jobs and --job-size say the same: leave one out.")
    }
  }

  func run() throws {
    try FleetItemCommand.check(command)
    let paths = try FleetList.paths(list)
    let checkpoints = paths.map { (path: $0, state: FleetFileState(of: $0)) }
    guard !checkpoints.isEmpty else {
      throw CheckpointError("there is no checkpoint to plan for")
    }
    let bytes = checkpoints.reduce(0) { $0 + ($1.state?.byteCount ?? 0) }
    let size = jobSize?.bytes ?? Self.defaultJobSize
    let plan = FleetPlan(
      command: command.isEmpty ? FleetItemCommand.standard : command, checkpoints: checkpoints,
      jobs: jobs ?? min(Self.maximumJobs, bytes / size + 1), toolVersion: toolVersion)
    try AtomicFile.write(plan.text + "\n", to: output, overwrite: force)
    let missing = checkpoints.filter { $0.state == nil }
    if let first = missing.first {
      notes.note(
        "\(counted(missing.count, "checkpoint")) cannot be found, \(first.path) "
          + "\(missing.count == 1 ? "" : "first; each ")will fail")
    }
    try Console.output(
      "\(printable(output)): \(counted(paths.count, "checkpoint")), \(byteSize(bytes)), "
        + "\(counted(plan.jobCount, "job"))")
  }
}
