import ArgumentParser
import Bytes
import CheckpointConversion
import CheckpointCore
import CheckpointFormats
import CheckpointInspection

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write a page to look at: tree, sizes, histograms, flags, and what changed.",
    discussion: """
      The page is one HTML file that needs no network. Of one checkpoint it shows every tensor with \
      its figures, of two also what changed between them. --json prints what the page is drawn from.
      """)

  @Argument(help: "A checkpoint of any supported format.", completion: .file())
  var file: String

  @Argument(help: "A checkpoint to compare it with.", completion: .file())
  var second: String?

  @Option(name: .shortAndLong, help: "The page to write.", completion: .file(extensions: ["html"]))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Findings to show: what 'validate --output json' printed.", valueName: "json"),
    completion: .file(extensions: ["json"]))
  var findings: String?

  @Option(
    help: ArgumentHelp("A verification to show: what 'verify --json' printed.", valueName: "json"),
    completion: .file(extensions: ["json"]))
  var verification: String?

  @OptionGroup var secondInput: SecondInputOptions

  @Flag(help: "Replace the page if it exists.")
  var force = false

  @OptionGroup var input: InputOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    guard (output == nil) == report.json else {
      throw ValidationError("name the page with -o, or ask for --json instead.")
    }
    if secondInput.keyB != nil, second == nil {
      throw ValidationError("--key-b is about a second checkpoint.")
    }
  }

  func run() throws {
    if let output {
      let read = [file, second, findings, verification].compactMap(\.self)
      try OutputPlace.checkDistinct(output, from: read, option: "--output")
      try OutputPlace.check(output, overwrite: force)
    }
    let result = try gather()
    guard let output else {
      return try Console.output(result.json.serialized(pretty: true))
    }
    do {
      try AtomicFile.write(ReportPage.html(result), to: output, overwrite: force)
    } catch {
      throw CheckpointError(error)
    }
    let flags = result.rows.reduce(0) { $0 + $1.flags.count }
    report.note(
      "\(output): \(counted(result.rows.count, "tensor")), "
        + (flags == 0 ? "nothing stands out" : counted(flags, "flag")))
  }

  private func gather() throws -> CheckpointReport {
    let checkpoint = try input.open(file, report)
    let findings = try self.findings.map {
      try ReportDocument.read($0, holding: "passed", madeBy: "validate --output json")
    }
    let verification = try self.verification.map {
      try ReportDocument.read($0, holding: "agrees", madeBy: "verify --json")
    }
    let comparison = try second.map { path in
      let other = try input.open(path, report, key: secondInput.keyB ?? input.key)
      return DiffReport(
        try Comparison(checkpoint, other, report).run(), first: file, second: path)
    }
    let description = try checkpoint.description()
    return try checkpoint.withProgress(isQuiet: report.quiet) { stream in
      try CheckpointReport(
        description, checkpoint.tensors, threads: Machine.processorCount, comparison: comparison,
        findings: findings, verification: verification, stream: stream)
    }
  }
}
