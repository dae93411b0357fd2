import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping

extension MapCommand {
  struct Suggest: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draft a mapping from two checkpoints.",
      discussion: """
        SOURCE is the file to convert, TARGET any file with the other side's names: the state dict of \
        the freshly built model, say. Where TARGET holds the same weights, converted by another tool, \
        every rule is found by value. What neither values nor names nor shapes tell is drafted as the \
        likeliest and marked with a question, which 'convert' wants answered.

        Exits with 0 where no question is open, 1 where one is, 2 where no mapping was found.
        """)

    @Argument(help: "The checkpoint to convert.", completion: .file())
    var source: String

    @Argument(help: "A checkpoint with the names wanted.", completion: .file())
    var target: String

    @Option(
      name: .shortAndLong, help: "The model document to write; without it, it is printed.",
      completion: .file())
    var output: String?

    @Option(
      help: ArgumentHelp(
        "Answer question N with its alternative K, or with 0 for the draft's own (repeatable).",
        valueName: "N=K"))
    var answer: [String] = []

    @Option(help: "The document's name; by default the output's.")
    var name: String?

    @Option(help: ArgumentHelp("Only the target's entries below this path.", valueName: "path"))
    var targetKey: String?

    @Flag(help: "Replace the output file if it exists.")
    var force = false

    @OptionGroup var input: InputOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
      _ = try answers()
      guard output != nil || !report.json else {
        throw ValidationError("--json prints a report; name a file for the document with -o.")
      }
    }

    private func answers() throws -> [Int: Int] {
      var result: [Int: Int] = [:]
      for text in answer {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let number = parts[0], let choice = parts[1], number > 0,
          choice >= 0
        else {
          throw ValidationError("--answer takes N=K, such as 2=1; '\(text)' is not that.")
        }
        result[number] = choice
      }
      return result
    }

    func run() throws {
      let from = try input.open(source, report)
      let to = try Checkpoint(
        path: target, selection: EntrySelection(key: targetKey.map { TensorName($0) }))
      let suggestion = try MappingSuggestion(
        name: name ?? documentName, source: SuggestionInput(from.entries, from.reader),
        target: SuggestionInput(to.entries, to.reader), answers: try answers(),
        threads: Machine.processorCount)
      if suggestion.isHopeless {
        try show(suggestion)
        let left = suggestion.leftOver.prefix(4).map { printable($0) }.joined(separator: ", ")
        throw CheckpointError(
          file: source,
          "no mapping to \(target) was found: \(suggestion.leftOver.count) of its tensors fit none there"
            + (left.isEmpty ? "" : " (\(left)\(suggestion.leftOver.count > 4 ? ", …" : ""))"),
          advice: "choose the parameters with --key and --target-key")
      }
      if let output {
        try OutputPlace.checkDistinct(output, from: [source, target], option: "--output")
        do {
          try AtomicFile.write(suggestion.document, to: output, overwrite: force)
        } catch {
          throw CheckpointError(error)
        }
      }
      try show(suggestion)
      if !suggestion.questions.isEmpty { throw ExitCode(1) }
    }

    private var documentName: String {
      let file = (output ?? "draft").split(separator: "/").last.map(String.init) ?? "draft"
      return file.hasSuffix(".json") ? String(file.dropLast(5)) : file
    }

    private func show(_ suggestion: MappingSuggestion) throws {
      if report.json {
        return try Console.output(json(suggestion).serialized(pretty: true))
      }
      if output == nil, !suggestion.isHopeless {
        try Console.output(String(suggestion.document.dropLast()))
      }
      guard !report.quiet else { return }
      for line in lines(suggestion) { Console.error(line) }
    }

    private func lines(_ suggestion: MappingSuggestion) -> [String] {
      let counts = suggestion.evidence.map { item in
        item.kind == "values" ? "\(item.count) proven by value" : "\(item.count) by \(item.kind)"
      }
      var lines = [
        "\(output.map(printable) ?? "draft"): \(counted(suggestion.rules, "rule")); tensors: "
          + (counts.isEmpty ? "none" : counts.joined(separator: ", "))
      ]
      if !suggestion.withoutSource.isEmpty {
        lines.append(
          "\(counted(suggestion.withoutSource.count, "tensor")) that no source makes: give "
            + "'convert' a file that has them, with --template")
      }
      for question in suggestion.questions {
        lines.append("question \(question.number): \(printable(question.target)): \(question.text)")
        for (index, alternative) in question.alternatives.enumerated() {
          lines.append(
            "  --answer \(question.number)=\(index + 1)  "
              + printable(alternative.serializedOnOneLine()))
        }
      }
      if !suggestion.questions.isEmpty {
        lines.append(
          "\(counted(suggestion.questions.count, "question")) open: answer with --answer N=K "
            + "(0 is the draft's own), or edit the rule and remove its \"confirm\"")
      }
      return lines
    }

    /// `schemas/suggest.schema.json`.
    private func json(_ suggestion: MappingSuggestion) -> JSONValue {
      .object([
        "schema_version": .int(1),
        "document": suggestion.isHopeless ? .null : .optional(output),
        "rules": .int(suggestion.rules),
        "evidence": .object(suggestion.evidence.map { .init($0.kind, .int($0.count)) }),
        "questions": .array(
          suggestion.questions.map {
            .object([
              "number": .int($0.number), "target": .string($0.target), "confirm": .string($0.text),
              "alternatives": .array($0.alternatives),
            ])
          }),
        "without_source": .array(suggestion.withoutSource.map { .name($0) }),
        "left_over": .array(suggestion.leftOver.map { .name($0) }),
      ])
    }
  }
}
