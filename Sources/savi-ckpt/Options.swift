import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointParts

/// In which form a command prints, and how much it says.
struct ReportOptions: ParsableArguments {
  @Flag(name: .long, help: "Print one JSON document (described in schemas/).")
  var json = false

  @OptionGroup var notes: NoteOptions

  var quiet: Bool { notes.quiet }

  func note(_ text: String) { notes.note(text) }
}

/// How much a command says.
struct NoteOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Print no notes, only results and errors.")
  var quiet = false

  /// Something worth knowing that is no result.
  func note(_ text: String) {
    if !quiet { Console.error("savi-ckpt: note: " + oneLine(text)) }
  }
}

/// Which part of the second of two checkpoints.
struct SecondInputOptions: ParsableArguments {
  @Option(
    name: .customLong("key-b"),
    help: "The path in the second checkpoint, where it is another than --key.")
  var keyB: String?
}

/// Which file, and which part of it.
struct InputOptions: ParsableArguments {
  @Option(
    name: .long, help: "Only the entries below this path, such as 'model' or 'optimizer/target'.")
  var key: String?

  @Option(name: .long, help: "Only names in which this regular expression is found (repeatable).")
  var include: [String] = []

  @Option(name: .long, help: "No names in which this regular expression is found (repeatable).")
  var exclude: [String] = []

  @Option(
    help: ArgumentHelp(
      "Of a folder of steps, this one instead of the newest.", valueName: "number"))
  var step: Int?

  @Option(name: .long, help: "Read as this format instead of recognising it by its content.")
  var format: FormatName?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Read raw bytes of this dtype's width in npy files as this dtype (repeatable).",
      discussion: "ml_dtypes saves bfloat16 as V2 and float8 as V1, which do not name the type.",
      valueName: "dtype"))
  var rawAs: [DType] = []

  /// Whether nothing was asked for.
  var isDefault: Bool {
    key == nil && include.isEmpty && exclude.isEmpty && format == nil && rawAs.isEmpty
      && step == nil
  }

  func validate() throws {
    // Wrong usage for every command, whatever it does with files that cannot be read.
    try EntrySelection(include: include, exclude: exclude).checkPatterns()
  }

  var rawTypes: [Int: DType] {
    Dictionary(rawAs.map { ($0.itemSize, $0) }, uniquingKeysWith: { _, last in last })
  }

  var readOptions: ReadOptions {
    ReadOptions(format: format, rawTypes: rawTypes, step: step)
  }

  /// The selected part of the checkpoint at `path`; a note says what of a folder was taken.
  func open(
    _ path: String, _ report: ReportOptions, by work: any DividedWork = WholeWork()
  ) throws -> Checkpoint {
    try open(path, report, key: key, by: work)
  }

  /// - Parameter key: the subtree, instead of `--key`.
  func open(
    _ path: String, _ report: ReportOptions, key: String?, by work: any DividedWork = WholeWork()
  ) throws -> Checkpoint {
    let checkpoint = try work.checkpoint(
      at: path, readOptions,
      EntrySelection(key: key.map { TensorName($0) }, include: include, exclude: exclude))
    for note in checkpoint.notes { report.note(note) }
    return checkpoint
  }
}
