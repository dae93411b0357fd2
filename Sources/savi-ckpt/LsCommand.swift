import ArgumentParser
import CheckpointCore
import CheckpointFormats
import CheckpointInspection

struct LsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls",
    abstract: "List names, dtypes, shapes and sizes, without reading tensor data.",
    discussion: """
      On a terminal, more than \(CheckpointListing.readableRows) entries are shown as a tree in \
      which numbered families are one row.
      """,
    aliases: ["inspect"])

  /// Whether families are folded, where that is asked for.
  enum Form: String, EnumerableFlag {
    case flat, fold

    static func help(for value: Form) -> ArgumentHelp? {
      switch value {
      case .flat: "Give every entry a row, as a pipe always gets."
      case .fold: "Show a tree with numbered families as one row."
      }
    }
  }

  @Argument(help: "A checkpoint of any supported format.", completion: .file())
  var file: String

  @Flag var form: Form?

  @OptionGroup var input: InputOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    if form == .fold, report.json {
      throw ValidationError("--fold is for reading; --json always lists every entry.")
    }
  }

  func run() throws {
    let checkpoint = try input.open(file, report)
    let listing = checkpoint.listing
    guard !report.json else {
      return try Console.output(json(checkpoint, listing).serialized(pretty: true))
    }
    let isLong = checkpoint.entries.count > CheckpointListing.readableRows
    let style = Console.style
    let folds = form.map { $0 == .fold } ?? (Console.isTerminal && isLong)
    let lines = folds ? listing.tree(style) : listing.flat(style)
    try Console.output((lines + ["", listing.summary]).joined(separator: "\n"))
  }

  /// `schemas/ls.schema.json`.
  private func json(_ checkpoint: Checkpoint, _ listing: CheckpointListing) -> JSONValue {
    .object([
      "schema_version": .int(1),
      "file": .string(checkpoint.path),
      "format": .string(checkpoint.format.rawValue),
      "tensors": .array(listing.tensors.map { Self.json($0.tensor, $0.aliasOf) }),
      "placeholders": .array(checkpoint.placeholders.map(Self.json)),
    ])
  }

  /// The placeholder, with the whole of a plain value.
  private static func json(_ item: Placeholder) -> JSONValue {
    guard let value = item.value, case .object(let members) = item.json else { return item.json }
    return .object(members + [.init("value", value.value)])
  }

  private static func json(_ tensor: TensorInfo, _ aliasOf: TensorName?) -> JSONValue {
    .object([
      "name": .name(tensor.name),
      "dtype": .string(tensor.dtype.name),
      "shape": .ints(tensor.shape.dimensions),
      "bytes": .int(tensor.byteCount),
      "alias_of": .name(aliasOf),
      "storage": tensor.storage.map { view in
        .object([
          "key": .string(view.key),
          "file_offset": view.fileOffset.map(JSONValue.int) ?? .null,
          "byte_offset": .int(view.offset),
          "strides": .ints(view.strides),
        ])
      } ?? .null,
    ])
  }
}
