package import CheckpointCore

extension Statistics: RecordedOutcome {
  /// Every figure with all its bits: what is printed from it later is what would be printed now.
  package var record: JSONValue {
    .object([
      "count": .int(count), "mean": .exact(mean), "squares": .exact(squares),
      "min": .exact(minimum), "max": .exact(maximum), "nan_count": .int(nanCount),
      "inf_count": .int(infinityCount), "zero_count": .int(zeroCount),
      "published_mean": publishedMean.map(JSONValue.exact) ?? .null,
    ])
  }

  package init(record node: DocumentNode) throws {
    self.init()
    count = try node.require("count").int()
    mean = try node.require("mean").exactDouble()
    squares = try node.require("squares").exactDouble()
    minimum = try node.require("min").exactDouble()
    maximum = try node.require("max").exactDouble()
    nanCount = try node.require("nan_count").int()
    infinityCount = try node.require("inf_count").int()
    zeroCount = try node.require("zero_count").int()
    publishedMean = try node.optional("published_mean")?.exactDouble()
  }
}
