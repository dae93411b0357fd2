import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import SAVIModel

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run the model in a checkpoint and write what it computes, stage by stage.",
    discussion: """
      The file holds a SAVi's Flax or PyTorch parameters. Without --inputs the model sees a \
      synthetic clip of moving boxes.
      """)

  @Argument(help: "A checkpoint of any supported format.", completion: .file())
  var file: String

  @Option(
    name: .shortAndLong,
    help: "The file to write the stages to: npz, or any format by its extension.",
    completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp(
      "The stages to write, by default all that the model has, of \(StageName.listing).",
      valueName: "name,…"))
  var stages: String?

  @Option(
    help: """
      How a PyTorch state dict is computed with: port (as in the module tree, the default) or flax \
      (with the fixes that make it the Flax model).
      """)
  var conventions: ConventionsName?

  @Option(
    help: ArgumentHelp(
      "Write contact sheets here: input, flow, depth, masks and attention of every frame.",
      valueName: "folder"),
    completion: .directory)
  var png: String?

  @Flag(help: "Replace output files that exist.")
  var force = false

  @OptionGroup var model: ModelOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var report: ReportOptions

  /// The stages that `--stages` names; `nil` without it.
  private func wantedStages() throws -> Set<StageName>? {
    try stages.map { stages in
      try Set(
        stages.split(separator: ",", omittingEmptySubsequences: false).map { part in
          guard let name = StageName(rawValue: String(part)) else {
            throw CheckpointError(
              kind: .usage, "--stages: '\(part)' is no stage",
              advice: suggestion(for: String(part), among: StageName.fixedNames)
                ?? "the stages are \(StageName.listing)")
          }
          return name
        })
    }
  }

  /// All of a model's stages, or those asked for.
  private func check(
    _ wanted: Set<StageName>?, against architecture: SAViArchitecture
  ) throws -> Set<StageName> {
    let stages = Set(architecture.stages)
    guard let wanted else { return stages }
    if let other = wanted.subtracting(stages).sorted().first {
      let names = architecture.stages.map(\.rawValue).joined(separator: ", ")
      throw CheckpointError(
        kind: .usage, "--stages: \(architecture.name) has no stage \(other.rawValue)",
        advice: "its stages are \(names)")
    }
    return wanted
  }

  func run() throws {
    let named = try wantedStages()
    let writer = try output.map(chooseWriter)
    let checkpoint = try input.open(file, report)
    let reference = try model.model(checkpoint)
    if reference.framework == .flax, conventions == .port {
      throw CheckpointError(
        kind: .usage, file: file, "these are Flax parameters: they run with Flax's conventions",
        advice: "leave out --conventions, or convert the file first")
    }
    let wanted = try check(named, against: reference.architecture)
    let clip = try model.clip(for: reference.architecture)
    // Before the work, not after it.
    if let output { try OutputPlace.check(output, overwrite: force) }
    if let png { try ContactSheet.prepare(png, clip, overwrite: force) }
    let drawn = png == nil ? [] : ContactSheet.stages(of: reference.architecture)
    let needed = wanted.union(drawn)
    let results: [Stage]
    do {
      results = try reference.run(
        clip, conventions: conventions?.value ?? .port, precision: model.precision,
        stages: needed, threads: model.threads)
    } catch let error as CheckpointError {
      throw error.inFile(error.entry == "video" ? model.inputs ?? file : file)
    }
    let written = results.filter { wanted.contains($0.name) }
    if let output, let writer { try write(written, to: output, as: writer) }
    if let png { try ContactSheet(clip, results).write(into: png, overwrite: force) }
    let summaries = try parallelMap(written.count, threads: model.threads) { Summary(written[$0]) }
    try Console.output(
      report.json
        ? json(summaries, reference, clip).serialized(pretty: true)
        : table(summaries).plain().joined(separator: "\n"))
  }

  private func chooseWriter(_ path: String) throws -> any CheckpointWriter {
    guard let format = CheckpointWriters.format(forPath: path),
      let writer = try CheckpointWriters.writer(for: format)
    else {
      throw CheckpointError(
        kind: .usage, file: path, "this name's extension stands for no format",
        advice: "choose a name that ends in .npz, .safetensors, .h5, .pt or .msgpack")
    }
    return writer
  }

  private func write(
    _ stages: [Stage], to path: String, as writer: any CheckpointWriter
  ) throws {
    let outputs = try stages.map { try $0.output() }
    try CheckpointWriters.write(
      outputs, to: path, as: writer, overwrite: force,
      work: .forTensors(largest: outputs.map(\.byteCount).max() ?? 0))
  }

  private func table(_ summaries: [Summary]) -> TextTable {
    var table = TextTable(header: ["Stage", "Shape", "Mean", "Std", "Min", "Max"])
    for summary in summaries {
      table.rows.append(
        [summary.stage.name.rawValue, summary.shape]
          + summary.figures.map { pythonThreeDigits($0) })
    }
    return table
  }

  /// `schemas/run.schema.json`.
  private func json(
    _ summaries: [Summary], _ reference: ReferenceModel, _ clip: Clip
  ) -> JSONValue {
    .object([
      "schema_version": .int(1),
      "model": .string(reference.architecture.name),
      "framework": .string(reference.framework.rawValue),
      "conventions": .string(
        (reference.framework == .flax ? .flax : conventions ?? .port).rawValue),
      "precision": .string(model.precision.rawValue),
      "batch": .int(clip.batch), "frames": .int(clip.frames), "slots": .int(clip.slots),
      "stages": .array(
        summaries.map { summary in
          .object([
            "name": .string(summary.stage.name.rawValue), "shape": .ints(summary.stage.shape),
            "mean": .finite(summary.figures[0]), "std": .finite(summary.figures[1]),
            "min": .finite(summary.figures[2]), "max": .finite(summary.figures[3]),
          ])
        }),
    ])
  }

  private struct Summary: Sendable {
    let stage: Stage
    let shape: String
    /// Mean, unbiased standard deviation, minimum, maximum.
    let figures: [Double]

    init(_ stage: Stage) {
      self.stage = stage
      shape = Shape(stage.shape)?.description ?? ""
      let statistics = Statistics(of: stage.doubles)
      figures = [
        statistics.mean, statistics.standardDeviation, statistics.minimum, statistics.maximum,
      ]
    }
  }
}
