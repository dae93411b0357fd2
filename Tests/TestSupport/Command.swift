import Foundation

/// What a run of the real binary gave.
public struct CommandResult: Sendable {
  /// The exit code, or the number of the signal that ended it.
  public let status: Int32
  public let isEndedBySignal: Bool
  public let output: String
  public let error: String
}

/// The `savi-ckpt` that the test run built: beside the test bundle.
public let binary = URL(fileURLWithPath: CommandLine.arguments[0])
  .deletingLastPathComponent().appendingPathComponent("savi-ckpt")

/// Runs `savi-ckpt` with `arguments`.
public func runCommand(_ arguments: [String]) throws -> CommandResult {
  try runProcess(binary, arguments)
}

/// Runs a program to its end, without standard input.
public func runProcess(
  _ program: URL, _ arguments: [String], environment: [String: String] = [:]
) throws -> CommandResult {
  let process = Process()
  process.executableURL = program
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  let (output, error) = (Pipe(), Pipe())
  process.standardOutput = output
  process.standardError = error
  process.standardInput = FileHandle.nullDevice
  try process.run()
  // Both pipes are read at once: a full one would stop the process.
  nonisolated(unsafe) var errorData = Data()
  let group = DispatchGroup()
  DispatchQueue.global().async(group: group) {
    errorData = error.fileHandleForReading.readDataToEndOfFile()
  }
  let outputData = output.fileHandleForReading.readDataToEndOfFile()
  group.wait()
  process.waitUntilExit()
  return CommandResult(
    status: process.terminationStatus,
    isEndedBySignal: process.terminationReason == .uncaughtSignal,
    output: String(decoding: outputData, as: UTF8.self),
    error: String(decoding: errorData, as: UTF8.self))
}
