import ArgumentParser
import Bytes
import CheckpointConversion
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two checkpoints of any formats: names, shapes, dtypes, values.",
    discussion: """
      Values are equal within |a - b| <= atol + rtol * |b|; by default, bit for bit. With --map the \
      first checkpoint is converted on the fly and the result compared with the second. Exit code 1 \
      where anything differs.
      """)

  @Argument(help: "A checkpoint.", completion: .file())
  var first: String

  @Argument(help: "The checkpoint to compare it with.", completion: .file())
  var second: String

  @Option(help: ArgumentHelp("The absolute tolerance.", valueName: "x"))
  var atol = 0.0

  @Option(help: ArgumentHelp("The tolerance relative to the second value.", valueName: "x"))
  var rtol = 0.0

  @Option(help: ArgumentHelp("Convert the first by this mapping.", valueName: "name|file"))
  var map: String?

  @OptionGroup var input: InputOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    guard atol >= 0, rtol >= 0 else {
      throw ValidationError("--atol and --rtol take numbers that are not negative.")
    }
  }

  func run() throws {
    // `--key` and the filters hold for both sides.
    let (a, b) = (try input.open(first, report), try input.open(second, report))
    let firstTensors =
      try map.map { try a.comparedTensors(mappedBy: try ModelDocument.load($0), against: b) }
      ?? a.comparedTensors()
    let largest = (a.tensors + b.tensors).map(\.byteCount).max() ?? 0
    let limits = WorkLimits.forTensors(largest: largest)
    let progress = Progress(
      totalBytes: b.tensors.reduce(0) { $0 + $1.byteCount }, totalTensors: b.tensors.count)
    let line = ProgressLine(progress, isQuiet: report.quiet)
    let diff = try {
      defer { line.finish() }
      return try CheckpointDiff(
        firstTensors, try b.comparedTensors(progress), atol: atol, rtol: rtol,
        threads: limits.threads,
        memory: limits.memory)
    }()
    try Console.output(
      report.json ? json(diff).serialized(pretty: true) : text(diff).joined(separator: "\n"))
    if !diff.differences.isEmpty || diff.comparedCount == 0 { throw ExitCode(1) }
  }

  private func text(_ diff: CheckpointDiff) -> [String] {
    let lines = diff.differences.map { difference in
      let name = printable(difference.name)
      switch difference.kind {
      case .onlyInFirst: return "\(name): only in \(printable(first))"
      case .onlyInSecond: return "\(name): only in \(printable(second))"
      case .shape(let a, let b): return "\(name): shape \(a) and \(b)"
      case .dtype(let a, let b): return "\(name): dtype \(a) and \(b)"
      case .values(let values):
        return "\(name): \(counted(values.count, "value")) differ, max \(values.maximum), "
          + "mean \(values.mean), first at \(values.firstIndex): \(values.first.0) and "
          + "\(values.first.1)"
      }
    }
    let verdict =
      lines.isEmpty
      ? diff.comparedCount == 0 ? "nothing was compared" : "no differences"
      : counted(lines.count, "difference")
    return lines + ["\(counted(diff.comparedCount, "tensor")) compared, \(verdict)"]
  }

  /// `schemas/diff.schema.json`.
  private func json(_ diff: CheckpointDiff) -> JSONValue {
    .object([
      "schema_version": .int(1),
      "first": .string(first),
      "second": .string(second),
      "compared": .int(diff.comparedCount),
      "differences": .array(
        diff.differences.map { difference in
          var members: [JSONValue.Member] = [.init("name", .name(difference.name))]
          func add(_ kind: String, _ more: KeyValuePairs<String, JSONValue> = [:]) {
            members.append(.init("kind", .string(kind)))
            members += more.map { .init($0.key, $0.value) }
          }
          switch difference.kind {
          case .onlyInFirst: add("only_in_first")
          case .onlyInSecond: add("only_in_second")
          case .shape(let a, let b):
            add("shape", ["first": .ints(a.dimensions), "second": .ints(b.dimensions)])
          case .dtype(let a, let b):
            add("dtype", ["first": .string(a.name), "second": .string(b.name)])
          case .values(let values):
            add(
              "values",
              [
                "count": .int(values.count), "max": .finite(values.maximum),
                "mean": .finite(values.mean), "first_index": .ints(values.firstIndex),
                "first": .finite(values.first.0), "second": .finite(values.first.1),
              ])
          }
          return .object(members)
        }),
    ])
  }
}
