import ArgumentParser
import CheckpointConversion
import CheckpointCore
import CheckpointInspection
import CheckpointMapping

struct MapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "map",
    abstract: "Show the mapping rules, which rule makes a tensor, and draft a mapping.",
    subcommands: [List.self, Show.self, Lint.self, Explain.self, Suggest.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the built-in models.")

    @OptionGroup var report: ReportOptions

    func run() throws {
      let models = try BuiltInModels.all()
      if report.json {
        let items = models.map {
          JSONValue.object(["name": .string($0.name), "title": .string($0.title)])
        }
        return try Console.output(
          JSONValue.object(["schema_version": .int(1), "models": .array(items)])
            .serialized(pretty: true))
      }
      let table = TextTable(header: ["Model", "Title"], rows: models.map { [$0.name, $0.title] })
      try Console.output(table.plain().joined(separator: "\n"))
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show a model's mapping rules.")

    @Argument(help: "A built-in model or a model document.")
    var model: String

    @Flag(help: "One line per tensor instead of one per rule.")
    var expanded = false

    @OptionGroup var report: ReportOptions

    func run() throws {
      let document = try ModelDocument.load(model)
      if report.json {
        return try Console.output(
          MappingReport.json(try CompiledMapping(document)).serialized(pretty: true))
      }
      let table =
        expanded
        ? MappingReport.tensors(try CompiledMapping(document)) : MappingReport.rules(document)
      try Console.output(table.plain().joined(separator: "\n"))
    }
  }

  struct Lint: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Find overlapping, dead and missing rules.")

    @Argument(help: "Built-in models or model documents.")
    var models: [String]

    @OptionGroup var report: ReportOptions

    func run() throws {
      var errors = 0
      var documents: [JSONValue] = []
      for model in models {
        let document = try ModelDocument.load(model)
        let findings = try MappingLint.findings(in: document)
        errors += findings.count { $0.severity == .error }
        if report.json {
          documents.append(MappingReport.json(model, findings))
        } else {
          let lines = findings.map {
            "\(model): \($0.severity.rawValue): \(printable($0.subject)): \(printable($0.message))"
          }
          try Console.output(
            (lines + ["\(model): \(document.rules.count) rules, \(findings.count) findings"])
              .joined(separator: "\n"))
        }
      }
      if report.json {
        try Console.output(
          JSONValue.object(["schema_version": .int(1), "models": .array(documents)])
            .serialized(pretty: true))
      }
      if errors > 0 { throw ExitCode(1) }
    }
  }

  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say which rule makes or consumes a tensor, and how.")

    @Argument(help: "A Flax or PyTorch name.")
    var tensor: String

    @Option(help: "A built-in model or a model document.")
    var map: String

    @OptionGroup var report: ReportOptions

    func run() throws {
      let mapping = try CompiledMapping(try ModelDocument.load(map))
      let explanation = try MappingReport.explain(TensorName(tensor), in: mapping)
      try Console.output(
        report.json
          ? explanation.json.serialized(pretty: true) : explanation.lines.joined(separator: "\n"))
    }
  }
}
