import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointMapping
import CheckpointParts
import CheckpointValidation

struct ValidateCommand: DivisibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check weights against a schema, for CI.",
    discussion: """
      Every finding has a stable id, such as W012 dtype-mismatch. Of a folder, the checkpoints in \
      it are checked, those of its own folders not. Exit code 0 where no finding fails the run, 1 \
      where the weights are not what they should be, 2 where a file cannot be read or \
      holds nothing to check.
      """)

  @Argument(help: "Checkpoints, folders of checkpoints, or shard sets.", completion: .file())
  var files: [String]

  @Option(
    help: ArgumentHelp("A built-in schema, or a YAML or JSON file.", valueName: "name|path"),
    completion: .file())
  var schema: String

  @Option(
    help: ArgumentHelp(
      "A checkpoint that these weights were made from: tensors whose elements stand elsewhere "
        + "are found even where the shape is square.", valueName: "source"),
    completion: .file())
  var against: String?

  @Option(
    help: ArgumentHelp(
      "The form of the report: text, json, junit, sarif, github or markdown; with =FILE into a "
        + "file, which is replaced (repeatable).", valueName: "form[=file]"))
  var output: [OutputTarget<ValidationReport.Output>] = []

  @Option(help: "Which findings fail the run: error, or also warning.")
  var failOn: FailOn = .error

  @Option(
    help: ArgumentHelp("Findings that are waived, with reasons and dates.", valueName: "file"),
    completion: .file())
  var baseline: String?

  @Flag(help: "Add a waiver for every finding to the baseline file, with --reason.")
  var updateBaseline = false

  @Option(help: ArgumentHelp("Why the findings are accepted.", valueName: "text"))
  var reason: String?

  @Option(
    help: ArgumentHelp("The last day of the new waivers (90 days from now).", valueName: "date"))
  var expires: CalendarDay?

  @Option(
    help: ArgumentHelp("Judge waivers as of this day instead of today.", valueName: "date"))
  var today: CalendarDay?

  @OptionGroup var input: InputOptions
  @OptionGroup var division: DivisionOptions
  @OptionGroup var report: ReportOptions

  private static let waiverDays = 90

  func validate() throws {
    if updateBaseline {
      guard baseline != nil else {
        throw ValidationError("--update-baseline needs the file: --baseline FILE.")
      }
      guard let reason, !reason.allSatisfy(\.isWhitespace) else {
        throw ValidationError("--update-baseline needs a reason: --reason TEXT.")
      }
    } else if reason != nil || expires != nil {
      throw ValidationError("--reason and --expires are about --update-baseline.")
    }
    try checkPrinted(output, report)
  }

  func run(_ work: any DividedWork) throws {
    try checkOutputs()
    let schema = try work.schema(schema)
    let day = today ?? .today
    let source = try against.map { try self.source($0, schema, work) }
    // Shards of one set stand for the set, which is checked once.
    var seen: Set<TensorName> = []
    var reports = files.flatMap { path in
      do {
        return try work.places(in: path, input.readOptions).compactMap {
          seen.insert(TensorName($0)).inserted ? check($0, schema, source, work) : nil
        }
      } catch {
        return [unreadable(path, error)]
      }
    }
    guard work.part == nil else { return }
    if let baseline {
      let known = try loadBaseline(baseline)
      if updateBaseline { try update(baseline, known, reports, day) }
      reports = try (updateBaseline ? loadBaseline(baseline) : known)
        .apply(to: reports, today: day)
    }
    let result = ValidationReport(
      schema: self.schema, files: reports, failOn: failOn.severity, toolVersion: toolVersion)
    for target in output {
      guard let file = target.file else { continue }
      try AtomicFile.write(result.text(target.form) + "\n", to: file, overwrite: true)
    }
    let printed = output.first { $0.file == nil }?.form
    try Console.output(result.text(report.json ? .json : printed ?? .text))
    if result.isBadInput { throw ExitCode(2) }
    if result.fails { throw ExitCode(1) }
  }

  /// A report takes the place of no file that this command reads, and of no checkpoint.
  private func checkOutputs() throws {
    let targets = output.compactMap(\.file)
    for (index, target) in targets.enumerated() {
      if let format = CheckpointWriters.format(forPath: target) {
        throw CheckpointError(
          kind: .usage, file: target,
          "--output would write a report under the name of a \(format.rawValue) file",
          advice: "choose another name for it")
      }
      let read = files.flatMap { path in
        [path] + ((try? Checkpoint.places(in: path, options: input.readOptions)) ?? [])
      }
      try OutputPlace.checkDistinct(
        target, from: read + [schema] + [against, baseline].compactMap(\.self) + targets[..<index],
        option: "--output")
    }
  }

  /// One file's findings; that it cannot be read is one of them, so that the others are still
  /// checked.
  ///
  /// - Returns: `nil` where other parts do the rest.
  private func check(
    _ path: String, _ schema: CheckpointSchema, _ source: [TensorName: OutputTensor]?,
    _ work: any DividedWork
  ) -> FileReport? {
    do {
      let checkpoint = try input.open(path, report, by: work)
      let validation = try CheckpointValidator(schema, threads: Machine.processorCount).validation(
        of: checkpoint.entries, against: source, hashesAll: work.part != nil,
        stream: { try checkpoint.stream($0, $1) })
      let scanned = try work.outcomes(of: validation.scans)
      let compared = try validation.sourceCheck.map { try work.outcomes(of: $0) } ?? []
      guard let scanned, let compared else { return nil }
      let outcome = try validation.outcome(scanned, againstSource: compared)
      return FileReport(
        file: checkpoint.path, findings: outcome.findings, checkedTensors: outcome.checkedTensors)
    } catch {
      return unreadable(path, error)
    }
  }

  private func unreadable(_ path: String, _ error: any Error) -> FileReport {
    let problem = error as? CheckpointError
    // A shard set's own problem may be in one of its shards.
    let place = problem?.file.flatMap { $0 == path ? nil : "\($0): " } ?? ""
    return FileReport(
      file: path,
      findings: [
        Finding(
          .unreadableFile, tensor: problem?.entry.map { TensorName($0) }, expected: "a checkpoint",
          found: place + (problem?.message ?? "\(error)"), hint: problem?.advice)
      ], checkedTensors: 0)
  }

  /// What the source makes of each tensor, converted where it is of the other framework.
  private func source(
    _ path: String, _ schema: CheckpointSchema, _ work: any DividedWork
  ) throws -> [TensorName: OutputTensor] {
    let checkpoint = try work.checkpoint(at: path, ReadOptions(), EntrySelection())
    let outputs: [OutputTensor]
    let direction: ConversionDirection = schema.layout == .torch ? .forward : .reverse
    let models = try schema.model.map { [$0] } ?? BuiltInModels.all()
    if let plan = try? ModelMatcher.plan(
      checkpoint.entries, models: models, direction: direction)
    {
      outputs = plan.outputs(from: checkpoint.reader)
    } else {
      outputs = checkpoint.tensors.map { tensor in
        OutputTensor(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape) {
          try checkpoint.stream(tensor, $0)
        }
      }
    }
    return Dictionary(outputs.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  private func loadBaseline(_ path: String) throws -> Baseline {
    do {
      let bytes = try ValidationDocument.read(path)
      return try inFile(path) { try Baseline(bytes) }
    } catch let error as FileSystemError where updateBaseline && error.isMissingFile {
      return Baseline()
    }
  }

  private func update(
    _ path: String, _ known: Baseline, _ reports: [FileReport], _ day: CalendarDay
  ) throws {
    let updated = known.accepting(
      reports, reason: reason ?? "", expires: expires ?? .fromToday(days: Self.waiverDays),
      today: day)
    try AtomicFile.write(
      updated.json.serialized(pretty: true) + "\n", to: path, overwrite: true)
    report.note(
      "\(path): \(updated.waivers.count) waivers, \(updated.waivers.count - known.waivers.count) "
        + "more than before")
  }
}

/// `--fail-on`.
enum FailOn: String, ExpressibleByArgument, CaseIterable {
  case error, warning

  var severity: Severity { self == .error ? .error : .warning }
}
