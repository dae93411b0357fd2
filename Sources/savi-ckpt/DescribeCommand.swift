import ArgumentParser
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping

struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Say what a checkpoint is, or print a model's module tree, as PyTorch prints it.",
    discussion: """
      Of a checkpoint: format, framework, the likely architecture as far as names and shapes tell, \
      parameters, dtypes, optimizer and averages, and the values beside the tensors. No tensor data \
      is read.
      """)

  @Argument(
    help: """
      A checkpoint, a built-in model (savi-small, savi-medium, savi-large, savi-plus-plus), or a \
      model document.
      """,
    completion: .file())
  var subject: String

  @OptionGroup var input: InputOptions
  @OptionGroup var report: ReportOptions

  func run() throws {
    if try BuiltInModels.model(subject) != nil || ModelDocument.isDocument(subject) {
      guard input.isDefault else {
        throw CheckpointError(
          kind: .usage, file: subject, "this is a model, and the options are about checkpoints")
      }
      return try describe(try ModelDocument.load(subject))
    }
    try describe(try input.open(subject, report))
  }

  private func describe(_ checkpoint: Checkpoint) throws {
    let description = try checkpoint.description()
    try Console.output(
      report.json
        ? description.json.serialized(pretty: true)
        : description.lines().joined(separator: "\n"))
  }

  private func describe(_ document: ModelDocument) throws {
    guard let modules = document.modules else {
      throw CheckpointError(
        file: subject, "this document has a mapping but no module tree",
        advice: "add \"modules\" to describe the model")
    }
    try Console.output(
      report.json
        ? try json(document, modules).serialized(pretty: true) : try modules.description())
  }

  /// `schemas/describe.schema.json`.
  private func json(_ document: ModelDocument, _ modules: TorchModule) throws -> JSONValue {
    .object([
      "schema_version": .int(1),
      "name": .string(document.name),
      "title": .string(document.title),
      "dimensions": .object(
        document.dimensions.map { JSONValue.Member($0.name, .int($0.extent)) }),
      "tensors": .array(
        try modules.stateDict().map {
          .object([
            "name": .name($0.name), "shape": .ints($0.shape.dimensions),
            "alias_of": .name($0.aliasOf),
          ])
        }),
    ])
  }
}
