import Foundation
import TestSupport
import Testing

private let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path

@Suite("An interrupted or killed conversion")
struct InterruptTests {
  /// Starts a conversion into many shards and stops it with `signal` once its first temporary file
  /// is there and `delay` more microseconds have passed.
  ///
  /// - Returns: what it said, or `nil` where it was done before.
  private func stop(
    _ folder: TemporaryFolder, _ signal: Int32, after delay: UInt32
  ) throws -> String? {
    let process = Process()
    process.executableURL = binary
    process.arguments = [
      "convert", sample, "-o", folder.file("out.safetensors"), "--max-shard-size", "1KB", "--force",
    ]
    let error = Pipe()
    process.standardError = error
    try process.run()
    while try process.isRunning && folder.contents().isEmpty { usleep(100) }
    usleep(delay)
    kill(process.processIdentifier, signal)
    let text = error.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationReason == .uncaughtSignal
      ? String(decoding: text, as: UTF8.self) : nil
  }

  @Test(
    "leaves no temporary file and blames nothing, whenever the signal comes",
    arguments: [SIGINT, SIGTERM])
  func interrupted(_ signal: Int32) throws {
    for delay in stride(from: UInt32(0), to: 40_000, by: 4_000) {
      let folder = try TemporaryFolder()
      let said = try stop(folder, signal, after: delay)
      #expect(try folder.contents().allSatisfy { !$0.hasSuffix(".partial") })
      #expect(said ?? "" == "")
    }
  }

  @Test("what a kill left is swept by the next run of the same output")
  func killed() throws {
    let folder = try TemporaryFolder()
    #expect(try stop(folder, SIGKILL, after: 5_000) != nil)
    #expect(try folder.contents().contains { $0.hasSuffix(".partial") })
    let run = try runCommand([
      "convert", sample, "-o", folder.file("out.safetensors"), "--max-shard-size", "1KB", "--force",
    ])
    #expect(run.status == 0, "\(run.error)")
    #expect(try folder.contents().allSatisfy { !$0.hasSuffix(".partial") })
  }

  @Test("a certificate that cannot be written leaves no output either")
  func certificate() throws {
    let folder = try TemporaryFolder()
    let run = try runProcess(
      URL(fileURLWithPath: "/bin/sh"),
      [
        "-c", "ulimit -f 8 && exec \"$0\" \"$@\"", binary.path, "convert",
        try small(folder), "--map", "none", "-o", folder.file("out.safetensors"), "--certificate",
        folder.file("c.json"),
      ])
    #expect(run.status == 2)
    #expect(run.error.contains("c.json"), "\(run.error)")
    #expect(try folder.contents() == ["in.safetensors"])
  }

  /// Forty tensors of one element: a few kB, whose certificate takes three times as much.
  private func small(_ folder: TemporaryFolder) throws -> String {
    let members = (0..<40).map {
      #""\#($0)":{"dtype":"U8","shape":[1],"data_offsets":[\#($0),\#($0 + 1)]}"#
    }
    let header = Array("{\(members.joined(separator: ","))}".utf8)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    return try folder.write("in.safetensors", length + header + [UInt8](repeating: 7, count: 40))
  }
}
