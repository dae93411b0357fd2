import ArgumentParser
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert Flax parameters to PyTorch ones, or back: names, layouts and format.",
    discussion: """
      A conversion is total: every source tensor is consumed once and every target produced once, \
      or nothing is written. Without --map the model is the one whose mapping fits.
      """)

  @Argument(help: "The checkpoint to convert.", completion: .file())
  var input: String

  @Option(name: .shortAndLong, help: "The file to write.", completion: .file())
  var output: String

  @Option(
    help: ArgumentHelp(
      "A built-in model, a model document, or 'none' to change the format alone.",
      valueName: "name|file|none"))
  var map: String?

  @Flag(help: "From PyTorch to Flax.")
  var reverse = false

  @Option(help: "The format to write; by default the one OUT's extension stands for.")
  var to: FormatName?

  @Flag(name: [.customShort("n"), .long], help: "Print what would be done and write nothing.")
  var dryRun = false

  @Flag(help: "Replace the output file if it exists.")
  var force = false

  @OptionGroup var selection: InputOptions
  @OptionGroup var report: ReportOptions

  func run() throws {
    let writer = try chooseWriter()
    let checkpoint = try selection.open(input)
    let conversion = try inFile { try makeConversion(checkpoint) }
    guard !conversion.outputs.isEmpty else {
      throw CheckpointError(
        file: input, "there is no tensor to convert", advice: "see 'savi-ckpt ls \(input)'")
    }
    let notes = try inFile { try writer.prepare(conversion.outputs) } + conversion.notes
    if dryRun {
      return try Console.output(
        report.json
          ? conversion.json(to: writer.format).serialized(pretty: true)
          : conversion.table().plain().joined(separator: "\n"))
    }
    let largest = conversion.outputs.map(\.byteCount).max() ?? 0
    try inFile {
      try CheckpointWriters.write(
        conversion.outputs, to: output, as: writer, overwrite: force,
        work: .forTensors(largest: largest))
    }
    for note in notes { report.note(note) }
    if report.json {
      try Console.output(conversion.json(to: writer.format).serialized(pretty: true))
    } else if !report.quiet {
      Console.error("\(printable(output)): \(conversion.summary)")
    }
  }

  /// Errors about entries are errors about the input file, unless they name another.
  private func inFile<R>(_ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as CheckpointError where error.kind != .usage {
      throw error.inFile(input)
    }
  }

  private func chooseWriter() throws -> any CheckpointWriter {
    let names = CheckpointWriters.formats.map(\.rawValue).joined(separator: ", ")
    guard let format = to ?? CheckpointWriters.format(forPath: output) else {
      throw CheckpointError(
        kind: .usage, file: output, "this name's extension stands for no format",
        advice: "name one with --to: \(names)")
    }
    guard let writer = CheckpointWriters.writer(for: format) else {
      throw CheckpointError(
        kind: .usage, file: output, "\(format.rawValue) files are read but not written",
        advice: "choose one of \(names) with --to")
    }
    return writer
  }

  private func makeConversion(_ checkpoint: Checkpoint) throws -> Conversion {
    if map == "none" {
      guard !reverse else {
        throw CheckpointError(
          kind: .usage, "--reverse reverses a mapping; --map none has none",
          advice: "leave out one of the two")
      }
      return try Conversion(formatOnly: checkpoint)
    }
    let models = try map.map { [try Models.load($0)] } ?? Models.all()
    let plan = try ModelMatcher.plan(
      checkpoint.entries, models: models, direction: reverse ? .torchToFlax : .flaxToTorch)
    try plan.checkEqualPairs(in: checkpoint.reader)
    return Conversion(plan, checkpoint)
  }
}
