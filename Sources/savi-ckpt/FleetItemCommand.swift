import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFleet
import CheckpointValidation

/// The command that a fleet runs on each of its checkpoints, in a process of its own: whatever one
/// checkpoint does to it, the others are done.
enum FleetItemCommand {
  static let standard = ["hash"]

  /// Those that look at one checkpoint and say what they found in one JSON document.
  private static let names = ["validate", "hash", "stats", "describe", "ls"]

  /// More than any of them prints of a checkpoint.
  private static let maximumOutput = 256 << 20
  private static let maximumMessage = 1 << 16

  /// Refuses what would fail on every checkpoint.
  static func check(_ command: [String]) throws {
    guard let name = command.first else { return }
    guard names.contains(name) else {
      throw CheckpointError(
        kind: .usage, "a fleet cannot run '\(name)' on each of its checkpoints",
        advice: suggestion(for: name, among: names)
          ?? "it runs one of \(names.joined(separator: ", "))")
    }
    let parsed: any ParsableCommand
    do {
      parsed = try SaviCkpt.parseAsRoot(arguments(command, placeholder))
    } catch {
      throw CheckpointError(
        kind: .usage,
        "'\(command.joined(separator: " "))' is no command that a checkpoint's name can follow: "
          + SaviCkpt.message(for: error).split(separator: "\n").joined(separator: " "),
        advice: "see 'savi-ckpt \(name) --help'")
    }
    try checkOnce(parsed, name)
  }

  /// Refuses what each checkpoint would do for itself and is the fleet's to do.
  private static func checkOnce(_ command: any ParsableCommand, _ name: String) throws {
    var reason: String?
    switch command {
    case let command as ValidateCommand:
      // A schema that cannot be read would fail on every checkpoint.
      _ = try CheckpointSchema.load(command.schema)
      if !command.output.isEmpty || command.updateBaseline {
        reason = "every checkpoint would write the same file; 'fleet merge --output' writes reports"
      } else if command.files != [placeholder] {
        reason = "a fleet's checkpoints are named before --run"
      }
    case is HashCommand, is StatsCommand, is DescribeCommand, is LsCommand: break
    default: reason = "it would look at no checkpoint"
    }
    if (command as? any DivisibleCommand)?.division.part != nil {
      reason = "a fleet looks at whole checkpoints"
    }
    if let reason {
      throw CheckpointError(
        kind: .usage, "a fleet cannot run this '\(name)': \(reason)",
        advice: "give --run the command with its options alone")
    }
  }

  /// Stands for a checkpoint's path where a command is tried.
  private static let placeholder = "CHECKPOINT"

  private static func arguments(_ command: [String], _ path: String) -> [String] {
    command + ["--json", "--quiet", "--", path]
  }

  /// Runs `command` on the checkpoint of `item`.
  static func run(_ command: [String], on path: String, item: Int) throws -> FleetResult {
    let clock = ContinuousClock()
    let start = clock.now
    let run = try ChildProcess.run(
      Machine.selfLink ?? Machine.executable,
      arguments: ["savi-ckpt"] + arguments(command, path), environment: [:],
      maximumOutput: maximumOutput, maximumError: maximumMessage)
    return FleetResult(
      item: item, end: end(run.end), document: try? JSONParser.parse(run.output),
      message: String(decoding: run.error, as: UTF8.self).split(separator: "\n")
        .joined(separator: "\n"),
      seconds: (clock.now - start) / .seconds(1))
  }

  private static func end(_ end: ChildProcess.End) -> FleetResult.End {
    switch end {
    case .exited(let code): .exited(Int(code))
    case .signalled(let signal): .signalled(Int(signal))
    case .tooMuchOutput: .tooMuchOutput
    }
  }
}
