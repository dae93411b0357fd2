import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointParts

struct StatsCommand: DivisibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Print the parameter table: name, shape, size, mean, std.")

  @Argument(help: "A checkpoint of any supported format.", completion: .file())
  var file: String

  @Option(
    help: """
      torch: the published table (unbiased std). clu: clu's parameter overview (by name, dtype, \
      population std). full: also min, max, zeros, NaN and Inf counts.
      """)
  var style: ParameterTable.Style = .torch

  @Option(help: "The form of the output.")
  var output: ParameterTable.Output = .table

  @Option(help: "The order of the rows; by default the file's, or by name in the clu style.")
  var sort: ParameterTable.Order?

  @Option(help: ArgumentHelp("Show at most this many rows.", valueName: "n"))
  var maxLines: Int?

  @Flag(help: "Also list the second names of shared storage, which are counted once.")
  var aliases = false

  @Flag(help: "Give a numbered family one row, with the figures of all its elements.")
  var fold = false

  @OptionGroup var input: InputOptions
  @OptionGroup var division: DivisionOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    if let maxLines, maxLines < 0 {
      throw ValidationError("--max-lines takes a number that is not negative.")
    }
    if fold, report.json || output == .json {
      throw ValidationError("--fold is for reading; JSON always lists every tensor.")
    }
  }

  func run(_ work: any DividedWork) throws {
    let checkpoint = try input.open(file, report, by: work)
    let rows = try checkpoint.withProgress(isQuiet: report.quiet, work) { stream in
      let pass = TensorPass.statistics(
        of: checkpoint.tensors, threads: Machine.processorCount, stream: stream)
      return try work.outcomes(of: pass).map { pass.rows($0) }
    }
    guard let rows else { return }
    let table = ParameterTable(
      rows, placeholders: checkpoint.placeholders, style: style, listsAliases: aliases,
      folds: fold, order: sort, maximumLines: maxLines)
    try Console.output(table.text(report.json ? .json : output, Console.style))
    if output == .csv, !report.json {
      for item in checkpoint.placeholders where item.kind == .data {
        report.note("\(item.name) is not in the table: \(item.reason)")
      }
    }
  }
}
