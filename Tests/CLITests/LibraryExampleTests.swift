import Foundation
import TestSupport
import Testing

@Suite("The programs of docs/library.md")
struct LibraryExampleTests {
  @Test(
    "are those that are built outside of this package",
    arguments: ["Example/main.swift", "Check/TextTensors.swift"])
  func shown(_ name: String) throws {
    let page = try String(
      contentsOf: packageRoot.appendingPathComponent("docs/library.md"), encoding: .utf8)
    let program = try String(
      contentsOf: packageRoot.appendingPathComponent("Tests/Client/Sources/\(name)"),
      encoding: .utf8)
    #expect(page.contains("```swift\n\(program)```"))
  }
}
