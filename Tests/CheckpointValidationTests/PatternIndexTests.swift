import CheckpointCore
import Testing

@testable import CheckpointValidation

@Suite("Which patterns a name is tried against")
struct PatternIndexTests {
  /// `count` patterns, told apart by what stands at the place of `#`.
  private func patterns(_ form: String, _ count: Int) throws -> [(
    number: Int, pattern: NamePattern
  )] {
    try (0..<count).map { ($0, try NamePattern(form.replacing("#", with: "w\($0)"))) }
  }

  @Test(
    "is linear in the names, wherever the patterns differ: at the start, the end or within",
    arguments: [
      "#.*", "*.#", "model.*.#.weight", "**.#.**", "model.#.{n}.*", "#{n}", "*_#", "*#.*",
      "**.a#_*",
    ])
  func linear(_ form: String) throws {
    let tried = try [100, 200, 400].map { count in
      let index = PatternIndex(try patterns(form, count))
      return (0..<count).reduce(0) { sum, number in
        let name = form.replacing("#", with: "w\(number)").replacing("**", with: "a.b")
          .replacing("*", with: "a").replacing("{n}", with: "7")
        return sum + index.candidates(for: TensorName(name)).count
      }
    }
    #expect(tried[1] <= 3 * tried[0] && tried[2] <= 3 * tried[1], "\(tried)")
  }

  @Test("leaves out no pattern that matches")
  func complete() throws {
    let forms = [
      "*", "**", "a.*", "*.b", "a.*.c", "**b**", "a{n}b", "{n}", "*.b.*", "**.b.c", "a.b", "a.**b",
      "x*", "*/b", "a/*", ".b", "*.", "a..*",
    ]
    let all = try forms.enumerated().map { ($0.offset, try NamePattern($0.element)) }
    let index = PatternIndex(all.map { (number: $0.0, pattern: $0.1) })
    for name: TensorName in [
      "a.b", "a.b.c", "b", "a7b", "7", "a/b", "x", "", "a.", ".b", "a..b", "a.x.b.c", "a.xb",
      "ab.c",
    ] {
      let candidates = Set(index.candidates(for: name))
      for (number, pattern) in all where pattern.match(name) != nil {
        #expect(candidates.contains(number), "\(pattern.text) on \(name)")
      }
    }
  }

  @Test("findings that differ have one order, whatever order they came in")
  func order() {
    let findings = [
      Finding(.missingTensor, tensor: nil, found: "b"), Finding(.missingTensor, tensor: nil),
      Finding(.missingTensor, tensor: "", found: "a"),
      Finding(.missingTensor, tensor: "a", hint: "x"),
      Finding(.missingTensor, tensor: "a", hint: "y"), Finding(.allZeros, tensor: "a"),
    ]
    let sorted = findings.sorted(by: Finding.precedes)
    for _ in 0..<20 { #expect(findings.shuffled().sorted(by: Finding.precedes) == sorted) }
  }
}
