import ArgumentParser
import Bytes
import CheckpointConversion
import CheckpointCore
import CheckpointFormats
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
      abstract: "Find overlapping, dead and missing rules.",
      discussion: """
        With two files at hand, also rules that do not fit them, and layouts that their shapes or \
        values contradict: --source is a file to convert, --target one of the other side. Where \
        TARGET holds the same weights, a wrong gate order, head order or transpose shows.
        """)

    @Argument(help: "Built-in models or model documents.")
    var models: [String]

    @Option(help: ArgumentHelp("A checkpoint to convert.", valueName: "file"), completion: .file())
    var source: String?

    @Option(
      help: ArgumentHelp("A checkpoint of the other side.", valueName: "file"),
      completion: .file())
    var target: String?

    func validate() throws {
      guard (source == nil) == (target == nil) else {
        throw ValidationError("--source and --target go together.")
      }
    }

    private func findings(_ document: ModelDocument) throws -> [MappingLint.Finding] {
      let own = try MappingLint.findings(in: document)
      guard let source, let target, !own.contains(where: { $0.severity == .error }) else {
        return own
      }
      let files = [try Checkpoint(path: source), try Checkpoint(path: target)]
      // The rules' own source is what such a document converts to.
      let (from, to) = document.isReversed ? (files[1], files[0]) : (files[0], files[1])
      return own
        + (try FileLint(
          document, source: from.entries, from.reader, target: to.tensors, to.reader,
          threads: Machine.processorCount
        ).findings())
    }

    @OptionGroup var report: ReportOptions

    func run() throws {
      var errors = 0
      var documents: [JSONValue] = []
      for model in models {
        let document = try ModelDocument.load(model)
        let findings = try findings(document)
        errors += findings.count { $0.severity == .error }
        if report.json {
          documents.append(MappingReport.json(model, findings))
        } else {
          let lines = findings.map {
            "\(model): \($0.severity.rawValue): \(printable($0.subject)): \(printable($0.message)) [\($0.id.rawValue)]"
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
      let name = TensorName(tensor)
      // The name itself tells which member of a family it is.
      let mapping = try CompiledMapping(
        try ModelDocument.load(map),
        for: [.tensor(TensorInfo(name: name, dtype: .float32, shape: .scalar))])
      let explanation = try MappingReport.explain(name, in: mapping)
      try Console.output(
        report.json
          ? explanation.json.serialized(pretty: true) : explanation.lines.joined(separator: "\n"))
    }
  }
}
