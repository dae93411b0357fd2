import ArgumentParser
import CheckpointConversion
import CheckpointCore
import CheckpointFormats
import CheckpointMapping
import ModelVerification
import SAVIModel

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Does a converted model behave as its source does? Runs both and compares.",
    discussion: """
      Three questions, answered apart: do the weights agree when both sides run with Flax's \
      conventions; do all parameters agree as tensors, with those that a forward pass cannot see; \
      and does the PyTorch module, run as the port has it, compute the same. Exit code 0 where the first two agree, 1 \
      where they do not.
      """)

  @Argument(
    help: """
      The source and the converted checkpoint; with --reference the converted one alone; with \
      --certificate none, or other places of the two files.
      """, completion: .file())
  var files: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Compare what two models of any kind computed, call by call: the source's and the converted "
        + "one's recordings.", valueName: "recording"),
    completion: .file())
  var recordings: [String] = []

  @Option(
    help: ArgumentHelp(
      "Compare with these recorded stages of a real framework's run on --inputs, instead of with "
        + "the source.", valueName: "npz"),
    completion: .file())
  var reference: String?

  @Option(help: "What the recorded model computes with: flax or port.")
  var conventions: ConventionsName?

  @Option(
    help: ArgumentHelp("Replay the certificate that 'convert' wrote.", valueName: "json"),
    completion: .file())
  var certificate: String?

  @Option(
    help: ArgumentHelp("The absolute tolerance (1e-5; of recordings 1e-7).", valueName: "x"))
  var atol: Double?

  @Option(
    help: ArgumentHelp(
      "The tolerance relative to the reference (1e-5); of recordings, to its largest element.",
      valueName: "x"))
  var rtol: Double?

  @Option(
    help: ArgumentHelp(
      "Another tolerance for one stage (repeatable).", valueName: "stage=atol[,rtol]"))
  var tolerance: [StageTolerance] = []

  @Flag(help: "Fail also where the PyTorch module parts from the Flax model.")
  var strict = false

  @Flag(help: "Print the report as Markdown.")
  var markdown = false

  @Option(
    help: ArgumentHelp(
      "The entries of the source below this path, such as 'optimizer/target'; --key is about the "
        + "converted file.", valueName: "path"))
  var sourceKey: String?

  @OptionGroup var model: ModelOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    guard atol ?? 0 >= 0, rtol ?? 0 >= 0 else {
      throw ValidationError("--atol and --rtol take numbers that are not negative.")
    }
    if report.json && markdown { throw ValidationError("Choose one of --json and --markdown.") }
    if !recordings.isEmpty {
      try validateRecordings()
    } else if certificate != nil {
      guard files.isEmpty || files.count == 2 else {
        throw ValidationError("--certificate takes no file, or the source and the converted one.")
      }
      guard reference == nil, conventions == nil, !strict, !markdown, tolerance.isEmpty,
        model.inputs == nil, model.frames == nil, sourceKey == nil, input.isDefault
      else {
        throw ValidationError(
          "--certificate replays a conversion: of the options only --map and "
            + "--json go with it.")
      }
    } else if reference != nil {
      guard files.count == 1, model.inputs != nil, sourceKey == nil else {
        throw ValidationError(
          "--reference takes one checkpoint, and the --inputs of the recording.")
      }
      guard !strict || conventions != .port else {
        throw ValidationError(
          "--strict asks about the port's module, which --conventions port compares already.")
      }
    } else {
      guard files.count == 2 else {
        throw ValidationError("verify takes two files: the source and the converted checkpoint.")
      }
      guard conventions == nil else {
        throw ValidationError("--conventions is about a recording; name one with --reference.")
      }
    }
  }

  private func validateRecordings() throws {
    guard recordings.count == 2, files.isEmpty || files.count == 2 else {
      throw ValidationError(
        "--recordings takes the source's and the converted model's recording; before it may come "
          + "the two checkpoints.")
    }
    guard certificate == nil, reference == nil, conventions == nil, !strict, tolerance.isEmpty,
      model.inputs == nil, model.frames == nil
    else {
      throw ValidationError(
        "--recordings compares runs that were made: of the options only --map, --atol, --rtol, "
          + "--json, --markdown and those that choose within the checkpoints go with it.")
    }
    if files.isEmpty, sourceKey != nil || !input.isDefault {
      throw ValidationError("The options that choose within checkpoints need the two checkpoints.")
    }
  }

  func run() throws {
    if !recordings.isEmpty { return try compareRecordings() }
    if let certificate { return try replay(certificate) }

    let checkpoints = try opened()
    for checkpoint in checkpoints { _ = try checkpoint.readableTensors() }
    let models = try checkpoints.map { try model.model($0) }
    try checkUsage(models)
    let clip = try model.clip(for: models[0].architecture)
    let common = Tolerance(
      absolute: atol ?? Tolerances.standard.absolute,
      relative: rtol ?? Tolerances.standard.relative)
    let tolerances = Tolerances(
      common: common,
      perStage: Dictionary(
        tolerance.map { ($0.stage, $0.tolerance(rtol: common.relative)) },
        uniquingKeysWith: { $1 }))
    let verification: Verification
    do {
      verification = try verify(models, clip, tolerances)
    } catch let error as CheckpointError {
      throw error.entry == "video" || error.entry == "boxes"
        ? error.inFile(model.inputs ?? files[0]) : error
    }
    let description = VerifyReport(
      verification, files: files, models: models, clip: clip, inputs: model.inputs,
      reference: reference, conventions: conventions ?? .flax, tolerances: tolerances,
      precision: model.precision)
    try Console.output(
      report.json
        ? description.json.serialized(pretty: true)
        : (markdown ? description.markdown : description.text).joined(separator: "\n"))
    guard verification.weightsAgree, !strict || verification.module?.agrees ?? true else {
      throw ExitCode(1)
    }
  }

  private func compareRecordings() throws {
    let standard = RecordingTolerance.standard
    let checkpoints = files.isEmpty ? nil : try opened()
    let verification = try RecordingVerification(
      source: recordings[0], converted: recordings[1],
      checkpoints: checkpoints.map { ($0[0], $0[1]) }, mapping: model.map,
      tolerance: RecordingTolerance(
        absolute: atol ?? standard.absolute, relative: rtol ?? standard.relative))
    let description = RecordingReport(
      verification, source: recordings[0], converted: recordings[1])
    try Console.output(
      report.json
        ? description.json.serialized(pretty: true)
        : (markdown ? description.markdown : description.text).joined(separator: "\n"))
    guard verification.agrees else { throw ExitCode(1) }
  }

  /// The converted file as the options select it, the source by its own key: names to be included
  /// are the converted file's, names to be left out may be either's.
  private func opened() throws -> [Checkpoint] {
    guard files.count == 2 else { return [try input.open(files[0], report)] }
    return [
      try Checkpoint(
        path: files[0], options: ReadOptions(rawTypes: input.rawTypes),
        selection: EntrySelection(
          key: sourceKey.map { TensorName($0) }, exclude: input.exclude)),
      try input.open(files[1], report),
    ]
  }

  private func checkUsage(_ models: [ReferenceModel]) throws {
    if conventions == .port, models[0].framework == .flax {
      throw CheckpointError(
        kind: .usage, file: files[0],
        "these are Flax parameters: they run with Flax's conventions",
        advice: "leave out --conventions, or convert the file first")
    }
    if strict, models.allSatisfy({ $0.framework == .flax }) {
      throw CheckpointError(
        kind: .usage, "--strict asks about a PyTorch module, and these are Flax parameters",
        advice: "leave it out")
    }
  }

  private func replay(_ certificate: String) throws {
    let replay = try CertificateReplay(certificate, files: files, map: model.map)
    try Console.output(
      report.json
        ? replay.json.serialized(pretty: true) : replay.text.joined(separator: "\n"))
    guard replay.holds else { throw ExitCode(1) }
  }

  private func verify(
    _ models: [ReferenceModel], _ clip: Clip, _ tolerances: Tolerances
  ) throws -> Verification {
    guard let reference else {
      return try Verification(
        source: models[0], converted: models[1], clip, tolerances, precision: model.precision,
        threads: model.threads)
    }
    let recording = try Checkpoint(path: reference)
    do {
      return try Verification(
        recording: try Stage.recorded(recording.reader, recording.entries), models[0],
        conventions: (conventions ?? .flax).value, clip, tolerances, precision: model.precision,
        threads: model.threads)
    } catch let error as CheckpointError {
      let isAboutRecording = error.entry.map { StageName(rawValue: $0) != nil } ?? true
      throw isAboutRecording ? error.inFile(reference) : error
    }
  }
}

/// `flow=1e-4` or `flow=1e-4,1e-3`.
struct StageTolerance: ExpressibleByArgument {
  let stage: StageName
  private let absolute: Double
  private let relative: Double?

  init?(argument: String) {
    let parts = argument.split(separator: "=")
    guard parts.count == 2, let stage = StageName(rawValue: String(parts[0])) else { return nil }
    let numbers = parts[1].split(separator: ",").compactMap { Double($0) }
    guard (1...2).contains(numbers.count), numbers.allSatisfy({ $0 >= 0 }),
      numbers.count == parts[1].split(separator: ",", omittingEmptySubsequences: false).count
    else { return nil }
    self.stage = stage
    absolute = numbers[0]
    relative = numbers.count == 2 ? numbers[1] : nil
  }

  func tolerance(rtol: Double) -> Tolerance {
    Tolerance(absolute: absolute, relative: relative ?? rtol)
  }
}
