import ArgumentParser
import CheckpointCore
import CheckpointMapping

struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Print a model's module tree, as PyTorch prints it.")

  @Argument(
    help: """
      A built-in model (savi-small, savi-medium, savi-large, savi-plus-plus) or a model document.
      """)
  var model: String

  @OptionGroup var report: ReportOptions

  func run() throws {
    let document = try ModelDocument.load(model)
    guard let modules = document.modules else {
      throw CheckpointError(
        file: model, "this document has a mapping but no module tree",
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
