import CheckpointCore
import TestSupport
import Testing

@Suite("Work is divided into parts")
struct PartDivisionTests {
  @Test("each part gets a run of neighbours, and no more than its share and one item")
  func balance() {
    var generator = SeededGenerator(11)
    for _ in 0..<300 {
      let count = Int.random(in: 1...40, using: &generator)
      let sizes = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
        Int.random(in: 0...1 << Int.random(in: 0...30, using: &generator), using: &generator)
      }
      var division = PartDivision(count: count)
      let parts = division.divide(sizes)
      #expect(parts == parts.sorted())
      let loads = (0..<count).map { part in
        zip(sizes, parts).reduce(0) { $0 + ($1.1 == part ? $1.0 : 0) }
      }
      let share = sizes.reduce(0, +) / count
      #expect(loads.allSatisfy { $0 <= share + (sizes.max() ?? 0) + 1 })
    }
  }

  @Test("many small lists fill up all parts alike")
  func lists() {
    var division = PartDivision(count: 8)
    var loads = [Int](repeating: 0, count: 8)
    for index in 0..<200 {
      let sizes = [1000 + index]
      for (part, size) in zip(division.divide(sizes), sizes) { loads[part] += size }
    }
    #expect((loads.max() ?? 0) - (loads.min() ?? 0) <= 1200)
  }

  @Test("a part is I/N, I from 1 to N", arguments: ["0/4", "5/4", "1", "1/", "/2", "+1/2", "a/b"])
  func notation(wrong: String) {
    #expect(Part(wrong) == nil)
    #expect(Part("4/4")?.number == 4)
  }
}
