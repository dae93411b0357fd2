import ArgumentParser
import Bytes
import CheckpointConversion
import CheckpointCore
import CheckpointFormats
import CheckpointMapping
import CheckpointValidation

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Make and check the schemas that 'validate' uses.",
    subcommands: [Generate.self, Lint.self, Check.self])

  struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a schema from a good checkpoint.",
      discussion: """
        A tolerant schema, the default, holds bounds around every tensor's figures: weights may be \
        trained on. An exact one holds hashes: not a bit may change. Names that differ in a number \
        are folded into one entry.
        """)

    @Argument(help: "A checkpoint of any supported format.", completion: .file())
    var file: String

    @Flag(help: "Record hashes instead of bounds.")
    var exact = false

    @Option(
      help: ArgumentHelp(
        "How far figures may move, as a part of the standard deviation and magnitude (0.2).",
        valueName: "x"))
    var slack: Double?

    @Option(help: ArgumentHelp("The schema's name; by default the file's.", valueName: "name"))
    var name: String?

    @Option(
      name: .shortAndLong, help: "The file to write, JSON or YAML by its extension.",
      completion: .file())
    var output: String?

    @Flag(help: "Replace the output file if it exists.")
    var force = false

    @OptionGroup var input: InputOptions
    @OptionGroup var report: ReportOptions

    private static let defaultSlack = 0.2

    func validate() throws {
      if exact, slack != nil {
        throw ValidationError("--slack is about bounds; --exact has none.")
      }
      if let slack, !(slack >= 0 && slack.isFinite) {
        throw ValidationError("--slack takes a number that is not negative.")
      }
    }

    func run() throws {
      if let output { try OutputPlace.checkDistinct(output, from: [file], option: "--output") }
      let checkpoint = try input.open(file, report)
      guard try !checkpoint.readableTensors().isEmpty else {
        throw CheckpointError(
          file: file, "there is no tensor to make a schema of",
          advice: "see 'savi-ckpt ls \(file)'")
      }
      let generator = SchemaGenerator(
        exact ? .exact : .tolerant(slack: slack ?? Self.defaultSlack),
        threads: Machine.processorCount)
      let schema = try inFile(file) {
        try checkpoint.withProgress(isQuiet: report.quiet) { stream in
          try generator.schema(name: name ?? stem(of: file), checkpoint.entries, stream: stream)
        }
      }
      let isJSON = report.json || output?.hasSuffix(".json") ?? false
      let text = isJSON ? schema.json.serialized(pretty: true) : schema.yaml
      guard let output else { return try Console.output(text) }
      try AtomicFile.write(text + "\n", to: output, overwrite: force)
    }

    private func stem(of path: String) -> String {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      return name.split(separator: ".").first.map(String.init) ?? name
    }
  }

  struct Lint: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Explain the mistakes of schemas, with line and column.")

    @Argument(help: "Built-in schemas or files; by default every built-in schema.")
    var schemas: [String] = []

    @OptionGroup var report: ReportOptions

    func run() throws {
      var errors = 0
      var results: [JSONValue] = []
      for name in schemas.isEmpty ? BuiltInSchemas.names : schemas {
        let schema = try CheckpointSchema.load(name)
        let findings = try inFile(name) { try SchemaLint.findings(in: schema) }
        errors += findings.count { $0.severity == .error }
        results.append(
          .object([
            "schema": .string(name),
            "findings": .array(
              findings.map {
                .object([
                  "severity": .string($0.severity.rawValue), "subject": .string($0.subject),
                  "line": $0.position.map { .int($0.line) } ?? .null,
                  "column": $0.position.map { .int($0.column) } ?? .null,
                  "message": .string($0.message),
                ])
              }),
          ]))
        guard !report.json else { continue }
        for finding in findings {
          try Console.output(
            "\(printable(name)): "
              + (finding.position.map { "\($0): " } ?? "")
              + "\(finding.severity.rawValue): \(printable(finding.subject)): "
              + printable(finding.message))
        }
        let plural = schema.entries.count == 1 ? "entry" : "entries"
        try Console.output(
          "\(printable(name)): \(schema.entries.count) \(plural), "
            + "\(findings.count) \(findings.count == 1 ? "finding" : "findings")")
      }
      if report.json {
        try Console.output(
          JSONValue.object(["schema_version": .int(1), "schemas": .array(results)])
            .serialized(pretty: true))
      }
      if errors > 0 { throw ExitCode(1) }
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check that documents of this tool are well formed, whatever their kind.",
      discussion: """
        Model documents, checkpoint schemas, baselines and certificates are read as the tool reads \
        them; of a JSON Schema only the JSON is checked. Exit code 1 where one is not well formed.
        """)

    @Argument(help: "Documents.", completion: .file())
    var files: [String]

    @OptionGroup var report: ReportOptions

    func run() throws {
      var failures = 0
      var results: [JSONValue] = []
      for path in files {
        let bytes = try ValidationDocument.read(path)
        var (kind, problem) = ("unknown", String?.none)
        do {
          kind = try check(bytes)
        } catch let error as CheckpointError {
          problem = error.description
          failures += 1
        }
        results.append(
          .object([
            "file": .string(path), "kind": .string(kind), "problem": .optional(problem),
          ]))
        if !report.json {
          try Console.output(
            "\(printable(path)): \(problem.map { "NOT WELL FORMED: " + printable($0) } ?? kind)")
        }
      }
      if report.json {
        try Console.output(
          JSONValue.object(["schema_version": .int(1), "documents": .array(results)])
            .serialized(pretty: true))
      }
      if failures > 0 { throw ExitCode(1) }
    }

    /// Reads a document as what its keys say it is.
    private func check(_ bytes: [UInt8]) throws -> String {
      let root = try DocumentReader.read(bytes)
      func has(_ key: String) -> Bool { root.value[key] != nil }
      if case .string(let schema)? = root.value["$schema"],
        schema.hasPrefix("https://json-schema.org/")
      {
        return "JSON Schema"
      }
      if has("rules") {
        let model = try ModelDocument(json: bytes)
        _ = try CompiledMapping(model)
        return "model document"
      }
      if has("waivers") {
        _ = try Baseline(bytes)
        return "baseline"
      }
      if has("source"), has("target") {
        _ = try Certificate(json: bytes)
        return "certificate"
      }
      if has("tensors") || has("model") {
        _ = try CheckpointSchema(bytes)
        return "checkpoint schema"
      }
      throw root.problem(
        "this is no document of savi-ckpt",
        advice: "a model has 'rules', a checkpoint schema 'tensors', a baseline 'waivers'")
    }
  }
}
