import Foundation
import TestSupport
import Testing

@Suite("What is written about safety")
struct SecurityDocumentTests {
  private func text(_ path: String) throws -> String {
    try String(contentsOf: packageRoot.appendingPathComponent(path), encoding: .utf8)
  }

  @Test("every promise of docs/security.md names tests, and they exist")
  func promises() throws {
    let rows = try text("docs/security.md").split(separator: "\n")
      .filter { $0.hasPrefix("| ") && !$0.hasPrefix("| ---") }.dropFirst()
    let sources = try testSources()
    for row in rows {
      let tests = row.matches(of: /`(\w+Tests)\.(\w+)`/)
      #expect(!tests.isEmpty, "\(row)")
      for test in tests {
        let (suite, function) = (test.1, test.2)
        #expect(
          sources.contains { source in
            guard let start = source.range(of: "struct \(suite) {") else { return false }
            // The suite ends before the next one of its file.
            let body = source[start.upperBound...]
            let end = body.range(of: "\n}\n")?.lowerBound ?? body.endIndex
            return body[..<end].contains("func \(function)(")
          }, "\(suite).\(function)")
      }
    }
  }

  @Test("docs/fuzzing.md names every target")
  func targets() throws {
    let page = try text("docs/fuzzing.md")
    let names = try text("Fuzz/targets").split(separator: "\n").filter { !$0.hasPrefix("#") }
      .compactMap { $0.split(separator: " ").first }
    #expect(!names.isEmpty)
    for name in names { #expect(page.contains("`\(name)`"), "\(name)") }
  }

  private func testSources() throws -> [String] {
    let tests = packageRoot.appendingPathComponent("Tests")
    let paths = try FileManager.default.subpathsOfDirectory(atPath: tests.path)
    return try paths.filter { $0.hasSuffix("Tests.swift") }
      .map { try String(contentsOf: tests.appendingPathComponent($0), encoding: .utf8) }
  }
}
