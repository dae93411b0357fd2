import CheckpointCore
import CheckpointMapping
import Testing

@Suite("Tensors that may be absent")
struct PartialRuleTests {
  private static let rules = """
    {"target": "body.weight", "source": "body/kernel", "layout": "dense.kernel"},
    {"target": "layers.{n}.bias", "source": "layers_{n}/bias", "layout": "dense.bias", "partial": true},
    {"target": "in_proj", "sources": ["query", "key"], "layout": "s i o -> (s o) i", "partial": true},
    {"target": "head.weight", "source": "head/kernel", "layout": "dense.kernel", "partial": true}
    """

  /// The names that a file with tensors of these names becomes.
  private func targets(
    _ names: [TensorName], _ direction: ConversionDirection = .forward
  ) throws -> [TensorName] {
    let text = """
      {"schema_version": 1, "name": "m", "title": "t", "rules": [\(Self.rules)]}
      """
    let shape = try #require(Shape([4, 4]))
    let vector = try #require(Shape([4]))
    let entries = names.map {
      CheckpointEntry.tensor(
        TensorInfo(name: $0, dtype: .float32, shape: $0.text.hasSuffix("bias") ? vector : shape))
    }
    return try ModelMatcher.plan(
      entries, models: [try ModelDocument(json: Array(text.utf8))], direction: direction
    ).steps.map(\.name)
  }

  @Test("are made where the file has them, and left out where it has not")
  func leftOut() throws {
    #expect(try targets(["body/kernel"]) == ["body.weight"])
    #expect(try targets(["body/kernel", "head/kernel"]) == ["body.weight", "head.weight"])
    #expect(
      try targets(["body/kernel", "layers_1/bias"]) == ["body.weight", "layers.1.bias"])
    #expect(try targets(["body.weight"], .reverse) == ["body/kernel"])
    #expect(
      try targets(["body.weight", "head.weight"], .reverse) == ["body/kernel", "head/kernel"])
  }

  @Test("must be whole: one of two sources is an error, and so is any other name")
  func whole() throws {
    for (names, problem) in [
      (["body/kernel", "key"], "1 missing (query)"), (["head/kernel"], "1 missing (body/kernel)"),
      (["body/kernel", "tail/kernel"], "tail/kernel"),
    ] as [([TensorName], String)] {
      #expect {
        try targets(names)
      } throws: {
        "\($0)".contains(problem)
      }
    }
  }
}
