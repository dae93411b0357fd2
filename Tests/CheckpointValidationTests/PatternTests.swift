import CheckpointCore
import Testing

@testable import CheckpointValidation

@Suite("Name patterns")
struct PatternTests {
  @Test(
    "match whole names",
    arguments: [
      ("a.b", "a.b", [] as [Int]?), ("a.b", "a.bc", nil), ("a.b", "xa.b", nil),
      ("conv_{n}.weight", "conv_12.weight", [12]), ("conv_{n}.weight", "conv_.weight", nil),
      ("conv_{n}.weight", "conv_x.weight", nil), ("{a}.{b}", "3.14", [3, 14]),
      ("*.bias", "layer.bias", []), ("*.bias", "a.layer.bias", nil),
      ("**.bias", "a.layer.bias", []),
      ("**", "", []), ("*", "a/b", nil), ("a*c", "abbc", []), ("**{n}", "layer10", [0]),
      ("é*", "éa", []),
    ])
  func match(_ pattern: String, _ name: String, _ numbers: [Int]?) throws {
    #expect(try NamePattern(pattern).match(TensorName(name)) == numbers)
  }

  @Test("braces that are no variable are refused", arguments: ["{", "a}", "{}", "{1}", "{n"])
  func malformed(_ text: String) {
    #expect(throws: NamePattern.Malformed.self) { try NamePattern(text) }
  }

  @Test("a range gives names")
  func names() throws {
    let entry = SchemaEntry(pattern: try NamePattern("conv_{n}.bias"), range: 1...3)
    #expect(entry.names == ["conv_1.bias", "conv_2.bias", "conv_3.bias"])
    #expect(entry.covers("conv_2.bias") && !entry.covers("conv_4.bias"))
  }
}

@Suite("Centroids")
struct CentroidTests {
  @Test("a transpose and a flip are told from what training moves")
  func rearrangements() {
    let square = CentroidDiagnosis(extents: [64, 64])
    #expect(
      square.rearrangement(recorded: [31, 33], found: [33, 31])
        == "looks transposed: axes 0 and 1 exchanged")
    #expect(square.rearrangement(recorded: [31, 33], found: [31.01, 33.01]) == nil)
    // As far from the one as from the other.
    #expect(square.rearrangement(recorded: [31, 33], found: [32, 32]) == nil)
    let kernel = CentroidDiagnosis(extents: [8, 4, 5, 5])
    #expect(
      kernel.rearrangement(recorded: [3.4, 1.6, 1.8, 2.1], found: [3.4, 1.6, 2.2, 1.9])
        == "looks flipped: axes 2 and 3 flipped")
    #expect(
      kernel.rearrangement(recorded: [3.4, 1.6, 1.8, 2.1], found: [3.4, 1.6, 2.1, 1.8])
        == "looks transposed: axes 2 and 3 exchanged")
    #expect(CentroidDiagnosis(extents: [8]).rearrangement(recorded: [3], found: []) == nil)
  }
}

@Suite("Days")
struct CalendarDayTests {
  @Test(
    "as ISO 8601 writes them",
    arguments: [
      ("2026-02-28", true), ("2026-02-29", false), ("2028-02-29", true), ("2100-02-29", false),
      ("2026-13-01", false), ("2026-00-10", false), ("2026-4-01", false), ("2026-04-31", false),
      ("２026-04-01", false),
    ])
  func parse(_ text: String, _ isDay: Bool) {
    #expect((CalendarDay(text)?.description == text) == isDay)
  }

  @Test("are ordered")
  func order() throws {
    let days = try ["2025-12-31", "2026-01-01", "2026-01-02", "2026-02-01"].map {
      try #require(CalendarDay($0))
    }
    #expect(days.sorted() == days)
  }
}

@Suite("Figures")
struct FigureTests {
  @Test("are rounded outwards, so that a bound admits what it was made from")
  func rounding() {
    for value in [0.123456, -0.123456, 98765.4, -1e-12, 3.0, 1e300] {
      #expect(significant(value, digits: 3, .up) >= value)
      #expect(significant(value, digits: 3, .down) <= value)
      #expect((significant(value, digits: 3) - value).magnitude <= value.magnitude * 0.006)
    }
    #expect(short(0.5) == "0.5")
    #expect(short(1) == "1")
    #expect(short(.nan) == "nan")
  }
}
