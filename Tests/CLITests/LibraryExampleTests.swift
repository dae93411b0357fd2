import Foundation
import TestSupport
import Testing

@Suite("The library example of docs/library.md")
struct LibraryExampleTests {
  private static let source = "Sources/CheckpointsExample/main.swift"

  @Test("is the program that is shown")
  func shown() throws {
    let page = try String(
      contentsOf: packageRoot.appendingPathComponent("docs/library.md"), encoding: .utf8)
    let program = try String(
      contentsOf: packageRoot.appendingPathComponent(Self.source), encoding: .utf8)
    #expect(page.contains("```swift\n\(program)```"))
  }

  private func runExample(_ arguments: [String]) throws -> CommandResult {
    try runProcess(
      binary.deletingLastPathComponent().appendingPathComponent("CheckpointsExample"), arguments)
  }

  @Test("lists, reads, converts and writes as the command does")
  func runs() throws {
    let folder = try TemporaryFolder()
    let (output, expected) = (folder.file("x.pt"), folder.file("y.pt"))
    let sample = fixture("../../samples/savi-small.flax.npz")
    let name = "SlotAttention_0/LayerNorm_0/scale"
    let run = try runExample([sample, name, "savi-small", output])
    #expect(run.status == 0, "\(run.error)")
    #expect(run.output.contains("\(name) float32 (128,)\n"))
    #expect(run.output.contains("\(name) begins with [1.0], and sums to 128.0\n"))
    _ = try runCommand(["convert", sample, "-o", expected])
    #expect(try fileBytes(output) == fileBytes(expected))
    let mean = try runCommand(["ls", output + ".mean.npz"])
    #expect(mean.output.contains("mean"), "\(mean.error)")
  }

  @Test("says what is wrong on one line")
  func errors() throws {
    let usage = try runExample([])
    #expect(usage.status == 64)
    #expect(usage.error == "error: usage: CheckpointsExample INPUT NAME MAPPING OUTPUT\n")
    let sample = fixture("../../samples/savi-small.flax.npz")
    let typo = try runExample([sample, "SlotAttention_0/LayerNorm_0/scales", "savi-small", "x.pt"])
    #expect(typo.status == 2)
    #expect(typo.error.contains("did you mean SlotAttention_0/LayerNorm_0/scale?"))
    #expect(typo.error.split(separator: "\n").count == 1)
  }
}
