import Foundation
import Synchronization
import TestSupport
import Testing

private let strace = ["/usr/bin/strace", "/usr/local/bin/strace"]
  .first(where: FileManager.default.isExecutableFile)

/// A small sharded conversion that strace stops at one of its system calls, and that is signalled
/// there.
@Suite(
  "A conversion that is signalled at any system call",
  .enabled(if: strace != nil, "strace is not installed; 'make crash' installs it"))
struct SystemCallTests {
  /// The `occurrence`-th call of the name by a thread of the process.
  private struct Point: Hashable {
    let call: String
    let occurrence: Int
  }

  private static let input = "golden/tiny_perturbed_torch.safetensors"

  private enum End: Equatable {
    case exited(Int32)
    case signalled(Int32)
    case stillRunning
  }

  @Test("leaves the whole new set or nothing", arguments: [SIGINT, SIGTERM])
  func fresh(_ signal: Int32) throws {
    try check(signal, isReplacing: false)
  }

  @Test("leaves the whole new set or the whole old one")
  func replacing() throws {
    try check(SIGINT, isReplacing: true)
  }

  /// Signals the conversion at each of its system calls, in a folder without or with an older set.
  private func check(_ signal: Int32, isReplacing: Bool) throws {
    let reference = try TemporaryFolder()
    let traces = try TemporaryFolder()
    let trace = try traces.write("trace", [])
    try #require(try signalConversion(into: reference, log: trace, []) == .exited(0))
    let new = try files(reference)
    let old = isReplacing ? new.mapValues { _ in Array("an older file".utf8) } : [:]
    let points = try Self.points(of: String(decoding: fileBytes(trace), as: UTF8.self))
    let problems = Mutex<[String]>([])
    let interrupted = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: points.count) { index in
      let point = points[index]
      do {
        let (folder, logs) = (try TemporaryFolder(), try TemporaryFolder())
        for (name, bytes) in old { _ = try folder.write(name, bytes) }
        let end = try signalConversion(
          into: folder, log: try logs.write("log", []),
          [
            "-e", "trace=\(point.call)",
            "-e", "inject=\(point.call):signal=SIGSTOP:when=\(point.occurrence)",
          ], whenStopped: signal)
        let left = try files(folder)
        if end == .signalled(signal) { interrupted.add(1, ordering: .relaxed) }
        let isFine = end == .signalled(signal) ? left == new || left == old : left == new
        guard isFine, end == .signalled(signal) || end == .exited(0) else {
          problems.withLock { $0.append("\(point): \(end), \(left.keys.sorted())") }
          return
        }
      } catch {
        problems.withLock { $0.append("\(point): \(error)") }
      }
    }
    let found = problems.withLock { $0 }
    #expect(found.isEmpty, "\(found.count) of \(points.count): \(found.joined(separator: "\n"))")
    // The last calls come too late for a signal, and not every run makes every call.
    let count = interrupted.load(ordering: .relaxed)
    #expect(count > points.count / 2, "\(count) of \(points.count) runs were interrupted")
  }

  /// Runs the conversion under strace. Where that stops it, it is sent the signal and continued.
  private func signalConversion(
    into folder: TemporaryFolder, log: String, _ options: [String], whenStopped signal: Int32? = nil
  ) throws -> End {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: strace ?? "")
    // With -D the process that is started is the conversion, and strace its child.
    process.arguments =
      ["-D", "-f", "-qq", "-o", log] + options
      + [binary.path, "convert", "--map", "none"]
      + [fixture(Self.input), "-o", folder.file("m.safetensors")]
      + ["--max-shard-size", "20000", "--quiet", "--force"]
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    var isSignalled = false
    let deadline = Date(timeIntervalSinceNow: 30)
    while process.isRunning {
      guard Date() < deadline else {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return .stillRunning
      }
      usleep(1000)
      guard let signal, try Self.isStopped(log) else { continue }
      if !isSignalled { kill(process.processIdentifier, signal) }
      isSignalled = true
      // Each thread may come to the call, and stops the process anew.
      kill(process.processIdentifier, SIGCONT)
    }
    return process.terminationReason == .uncaughtSignal
      ? .signalled(process.terminationStatus) : .exited(process.terminationStatus)
  }

  private static func isStopped(_ log: String) throws -> Bool {
    String(decoding: try fileBytes(log), as: UTF8.self).contains("--- stopped by SIGSTOP")
  }

  private func files(_ folder: TemporaryFolder) throws -> [String: [UInt8]] {
    Dictionary(
      uniqueKeysWithValues: try folder.contents().map { ($0, try fileBytes(folder.file($0))) })
  }

  /// The calls of a trace from where the process opens its input: before that it is any program
  /// that starts. strace counts the calls of a name for each thread.
  private static func points(of trace: String) -> [Point] {
    var counts: [Substring: [Substring: Int]] = [:]
    var points: Set<Point> = []
    var hasBegun = false
    for line in trace.split(separator: "\n") {
      // "PID  CALL(…", or "PID  <… CALL resumed>".
      let words = line.split(separator: " ")
      guard words.count > 1, let end = words[1].firstIndex(of: "("), !words[1].hasPrefix("exit")
      else { continue }
      let call = words[1][..<end]
      let count = (counts[words[0]]?[call] ?? 0) + 1
      counts[words[0], default: [:]][call] = count
      hasBegun = hasBegun || (call == "openat" && line.contains(Self.input))
      // How often a thread yields while it waits for another is chance.
      if hasBegun, call != "sched_yield" {
        points.insert(Point(call: String(call), occurrence: count))
      }
    }
    return points.sorted { ($0.call, $0.occurrence) < ($1.call, $1.occurrence) }
  }
}
