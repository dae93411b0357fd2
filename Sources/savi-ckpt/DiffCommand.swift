import ArgumentParser
import Bytes
import CheckpointConversion
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping
import CheckpointParts

struct DiffCommand: DivisibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two checkpoints of any formats: names, shapes, dtypes, values.",
    discussion: """
      First a sentence says what the differences come to, then they are listed, the largest \
      relative change first. Values are equal within |a - b| <= atol + rtol * |b|; by default, bit \
      for bit. With --map the first checkpoint is converted on the fly and the result compared with \
      the second. With --key-b, two subtrees are compared, of one file or of two. Exit code 1 where \
      anything differs.
      """)

  @Argument(help: "A checkpoint.", completion: .file())
  var first: String

  @Argument(help: "The checkpoint to compare it with.", completion: .file())
  var second: String

  @Option(help: ArgumentHelp("The absolute tolerance.", valueName: "x"))
  var atol = 0.0

  @Option(help: ArgumentHelp("The tolerance relative to the second value.", valueName: "x"))
  var rtol = 0.0

  @Option(help: ArgumentHelp("Convert the first by this mapping.", valueName: "name|file"))
  var map: String?

  @OptionGroup var secondInput: SecondInputOptions

  @Flag(help: "Give every tensor a row, instead of every numbered family.")
  var all = false

  @OptionGroup var input: InputOptions
  @OptionGroup var division: DivisionOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    guard atol >= 0, rtol >= 0 else {
      throw ValidationError("--atol and --rtol take numbers that are not negative.")
    }
  }

  func run(_ work: any DividedWork) throws {
    // The filters hold for both sides.
    let a = try input.open(first, report, by: work)
    let b = try input.open(second, report, key: secondInput.keyB ?? input.key, by: work)
    var comparison = Comparison(a, b, report)
    (comparison.atol, comparison.rtol) = (atol, rtol)
    comparison.model = try map.map { try work.model($0) }
    guard let diff = try comparison.run(work) else { return }
    let result = DiffReport(
      diff, first: label(first, input.key),
      second: label(second, secondInput.keyB ?? input.key))
    try Console.output(
      report.json
        ? result.json.serialized(pretty: true)
        : result.lines(folds: !all, Console.style).joined(separator: "\n"))
    if result.verdict.kind != .same { throw ExitCode(1) }
  }

  /// What a side is called: the file, and where two subtrees are compared, the subtree.
  private func label(_ path: String, _ key: String?) -> String {
    guard secondInput.keyB != nil, let key else { return path }
    return "\(path) (\(key))"
  }
}
