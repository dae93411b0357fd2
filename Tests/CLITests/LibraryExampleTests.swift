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

  @Test("lists, reads and writes")
  func runs() throws {
    let folder = try TemporaryFolder()
    let example = binary.deletingLastPathComponent().appendingPathComponent("CheckpointsExample")
    let output = folder.file("x.safetensors")
    let run = try runProcess(example, [fixture("torch/legacy.pt"), "t", output])
    #expect(run.output == "x float32 (2, 3)\nt int16 (3, 2)\n")
    let hash = try runCommand(["hash", output]).output
    #expect(
      hash == (try runCommand(["hash", fixture("torch/legacy.pt"), "--include", "^t$"]).output))
  }
}
