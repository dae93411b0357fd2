import ArgumentParser

struct FleetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fleet",
    abstract: "Run a command on thousands of checkpoints: plan jobs, run them anywhere, merge.",
    discussion: """
      'fleet plan' divides checkpoints into jobs of like size. 'fleet run' does one job; it goes on \
      where an earlier run of it ended. 'fleet merge' makes one report of all, the failures first. \
      Any scheduler will do: an array job of Slurm, GNU parallel, xargs -P.
      """,
    subcommands: [FleetPlanCommand.self, FleetRunCommand.self, FleetMergeCommand.self])
}

/// The folder in which a plan's results are kept.
struct FleetResultsOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The folder of the results; by default it lies beside the plan: plan.json has plan.results.",
      valueName: "folder"),
    completion: .directory)
  var results: String?

  func folder(of plan: String) -> String {
    results ?? (plan.hasSuffix(".json") ? String(plan.dropLast(5)) : plan) + ".results"
  }
}
