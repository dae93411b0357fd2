import ArgumentParser
import CheckpointCore
import CheckpointParts

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Print what one run would have printed, from the results of its parts.",
    discussion: """
      RESULTS are what the parts of one command printed: 'savi-ckpt hash FILE --part 1/4' and so on. \
      The output and the exit code are those of the undivided command, and so are the files it \
      writes: the reports of 'validate --output', the index of a converted set. A part that is \
      missing, there twice, damaged or of another run is named, and nothing is merged.
      """)

  @Argument(help: "The results of all parts, in any order.", completion: .file())
  var results: [String]

  @Flag(
    help: """
      Take files of the same structure, size and samples for the same, whenever they were written: \
      for parts that each read a copy.
      """)
  var allowCopies = false

  @OptionGroup var report: ReportOptions

  func run() throws {
    let parts = try MergedParts(
      results, toolVersion: toolVersion, allowingCopies: allowCopies)
    var arguments = parts.arguments
    arguments.insert(
      contentsOf: (report.json ? ["--json"] : []) + (report.quiet ? ["--quiet"] : []),
      at: min(1, arguments.count))
    let command = try SaviCkpt.parseAsRoot(arguments)
    guard let command = command as? any DivisibleCommand else {
      throw CheckpointError(
        "'\(parts.arguments.first ?? "")' is no command whose parts can be merged")
    }
    try command.run(MergedWork(parts))
  }
}
