import Foundation
import TestSupport
import Testing

private let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path

/// Conversions that are stopped from outside.
@Suite("A conversion that is stopped")
struct CrashTests {
  /// Starts the conversion of the sample to `output`.
  private func startConversion(to output: String, _ options: [String] = []) throws -> Process {
    let process = Process()
    process.executableURL = binary
    process.arguments = ["convert", sample, "-o", output, "--quiet"] + options
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  @Test("killed at 100 random moments: the old file, the new one, or nothing")
  func kills() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("out.pt")
    let begin = ContinuousClock.now
    let whole = try startConversion(to: output)
    whole.waitUntilExit()
    var duration = begin.duration(to: .now)
    let new = try fileBytes(output)
    let old = Array("the file that was here before".utf8)
    var inTheMiddle = 0
    for round in 0..<100 {
      let isReplacing = round % 2 == 0
      try FileManager.default.removeItem(atPath: output)
      if isReplacing { _ = try folder.write("out.pt", old) }
      let process = try startConversion(to: output, isReplacing ? ["--force"] : [])
      let moment = duration * Double.random(in: 0...1.1)
      Thread.sleep(forTimeInterval: moment / .seconds(1))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      // A machine is busier at one time than at another: the moments follow.
      duration = process.terminationReason == .exit ? duration * 0.8 : duration * 1.1
      let exists = FileManager.default.fileExists(atPath: output)
      let found = exists ? try fileBytes(output) : []
      #expect(found == new || found == (isReplacing ? old : []), "\(found.count) bytes")
      // A kill leaves the temporary file, whose name says what it is.
      let others = try folder.contents().filter { $0 != "out.pt" }
      #expect(others.allSatisfy { $0.hasSuffix(".partial") }, "\(others)")
      if !others.isEmpty { inTheMiddle += 1 }
      for other in others { try FileManager.default.removeItem(atPath: folder.file(other)) }
      if !exists { _ = try folder.write("out.pt", old) }
    }
    #expect(inTheMiddle > 0)
  }

  @Test(
    "by Ctrl-C or a request to end, in the middle: nothing is left, and the signal is what ended it",
    arguments: [SIGINT, SIGTERM, SIGHUP])
  func signals(_ number: Int32) throws {
    let folder = try TemporaryFolder()
    var ended = 0
    // A conversion may be quicker than the signal; one of many is not.
    for _ in 0..<50 where ended == 0 {
      let process = try startConversion(to: folder.file("out.pt"))
      while process.isRunning, try folder.contents().isEmpty { usleep(200) }
      kill(process.processIdentifier, number)
      process.waitUntilExit()
      let left = try folder.contents()
      if process.terminationReason == .uncaughtSignal {
        #expect(process.terminationStatus == number)
        #expect(left == [])
        ended += 1
      } else {
        #expect(process.terminationStatus == 0)
        #expect(left == ["out.pt"])
        try FileManager.default.removeItem(atPath: folder.file("out.pt"))
      }
    }
    #expect(ended == 1)
  }
}
