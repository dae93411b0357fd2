import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFleet

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
    do {
      _ = try SaviCkpt.parseAsRoot(arguments(command, "checkpoint"))
    } catch {
      throw CheckpointError(
        kind: .usage,
        "'\(command.joined(separator: " "))' is no command for a checkpoint: "
          + SaviCkpt.message(for: error),
        advice: "see 'savi-ckpt \(name) --help'")
    }
  }

  private static func arguments(_ command: [String], _ path: String) -> [String] {
    command + ["--json", "--quiet", "--", path]
  }

  /// Runs `command` on the checkpoint of `item`.
  static func run(_ command: [String], on path: String, item: Int) throws -> FleetResult {
    let clock = ContinuousClock()
    let start = clock.now
    do {
      let run = try ChildProcess.run(
        Machine.selfLink ?? Machine.executable,
        arguments: ["savi-ckpt"] + arguments(command, path), environment: [:],
        maximumOutput: maximumOutput, maximumError: maximumMessage)
      let text = String(decoding: run.error, as: UTF8.self)
      return FleetResult(
        item: item, end: end(run.end), document: try? JSONParser.parse(run.output),
        message: text.split(separator: "\n").joined(separator: "\n"),
        seconds: (clock.now - start) / .seconds(1))
    } catch {
      throw CheckpointError(error)
    }
  }

  private static func end(_ end: ChildProcess.End) -> FleetResult.End {
    switch end {
    case .exited(let code): .exited(Int(code))
    case .signalled(let signal): .signalled(Int(signal))
    case .tooMuchOutput: .tooMuchOutput
    }
  }
}
