import CheckpointCore
import Testing

@Suite("Element coverage")
struct ElementCoverageTests {
  @Test("runs in any order cover a tensor once each of its elements came")
  func anyOrder() throws {
    var coverage = ElementCoverage(0..<10)
    for run in [4..<6, 0..<2, 8..<10, 2..<4, 6..<8] { try coverage.add(run) }
    try coverage.finish()
  }

  @Test("an element that comes twice, or from outside, is refused")
  func refusals() throws {
    var coverage = ElementCoverage(2..<10)
    try coverage.add(4..<6)
    for run in [3..<5, 5..<7, 4..<6, 0..<3, 9..<11] {
      #expect(throws: CheckpointError.self) { try coverage.add(run) }
    }
  }

  @Test("the first missing element is named")
  func missing() throws {
    var coverage = ElementCoverage(0..<10)
    #expect {
      try coverage.finish()
    } throws: {
      "\($0)" == "10 elements expected, 0 came; the first missing one is 0"
    }
    try coverage.add(0..<3)
    try coverage.add(5..<10)
    #expect {
      try coverage.finish()
    } throws: {
      "\($0)" == "10 elements expected, 8 came; the first missing one is 3"
    }
  }
}
