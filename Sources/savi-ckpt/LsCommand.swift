import ArgumentParser
import CheckpointCore
import CheckpointFormats
import CheckpointInspection

struct LsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls",
    abstract: "List names, dtypes, shapes and sizes, without reading tensor data.",
    aliases: ["inspect"])

  @Argument(help: "A checkpoint of any supported format.", completion: .file())
  var file: String

  @OptionGroup var input: InputOptions
  @OptionGroup var report: ReportOptions

  func run() throws {
    let checkpoint = try input.open(file, report)
    let tensors = withAliases(checkpoint.tensors)
    try Console.output(
      report.json
        ? json(checkpoint, tensors).serialized(pretty: true) : text(checkpoint, tensors))
  }

  private func text(
    _ checkpoint: Checkpoint, _ tensors: [(tensor: TensorInfo, aliasOf: TensorName?)]
  ) -> String {
    let aliases = Dictionary(
      tensors.map { ($0.tensor.name, $0.aliasOf) }, uniquingKeysWith: { first, _ in first })
    var table = TextTable(header: ["Name", "Dtype", "Shape", "Bytes", ""])
    for entry in checkpoint.entries {
      let name = entry.name.isEmpty ? "\"\"" : printable(entry.name)
      switch entry {
      case .tensor(let tensor):
        let alias = aliases[tensor.name]?.map { "= \(printable($0))" } ?? ""
        table.rows.append(
          [name, tensor.dtype.name, tensor.shape.description, thousands(tensor.byteCount), alias])
      case .placeholder(let item):
        table.rows.append([name, "-", "-", "-", printable(item.reason)])
      }
    }
    return (table.plain() + ["", summary(checkpoint, tensors)]).joined(separator: "\n")
  }

  private func summary(
    _ checkpoint: Checkpoint, _ tensors: [(tensor: TensorInfo, aliasOf: TensorName?)]
  ) -> String {
    let own = tensors.filter { $0.aliasOf == nil }.map(\.tensor)
    var parts = [tensors.isEmpty ? "no tensors" : counted(tensors.count, "tensor")]
    if own.count < tensors.count {
      parts.append("\(thousands(tensors.count - own.count)) of them aliases")
    }
    if !checkpoint.placeholders.isEmpty {
      parts.append(counted(checkpoint.placeholders.count, "other entry", "other entries"))
    }
    if !own.isEmpty {
      parts.append(counted(own.reduce(0) { $0 + $1.shape.count }, "element"))
      parts.append(byteSize(own.reduce(0) { $0 + $1.byteCount }))
    }
    return "\(checkpoint.reader.formatDescription): " + parts.joined(separator: ", ")
  }

  /// `schemas/ls.schema.json`.
  private func json(
    _ checkpoint: Checkpoint, _ tensors: [(tensor: TensorInfo, aliasOf: TensorName?)]
  ) -> JSONValue {
    .object([
      "schema_version": .int(1),
      "file": .string(checkpoint.path),
      "format": .string(checkpoint.reader.format.rawValue),
      "tensors": .array(tensors.map { Self.json($0.tensor, $0.aliasOf) }),
      "placeholders": .array(checkpoint.placeholders.map(\.json)),
    ])
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
