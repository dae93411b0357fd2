package import CheckpointCore

extension TensorDifference.Kind: RecordedOutcome {
  package var record: JSONValue {
    switch self {
    case .onlyInFirst: .string("only_in_first")
    case .onlyInSecond: .string("only_in_second")
    case .shape(let a, let b): .object(["shape": .array([a, b].map { .ints($0.dimensions) })])
    case .dtype(let a, let b, let isCast):
      .object(["dtype": .array([.string(a.name), .string(b.name)]), "cast": .bool(isCast)])
    case .values(let values): .object(["values": values.record])
    }
  }

  package init(record node: DocumentNode) throws {
    if case .string(let text) = node.value {
      self = text == "only_in_first" ? .onlyInFirst : .onlyInSecond
    } else if let shapes = try node.optional("shape")?.items(), shapes.count == 2 {
      self = .shape(try shapes[0].shape(), try shapes[1].shape())
    } else if let dtypes = try node.optional("dtype")?.items(), dtypes.count == 2 {
      self = .dtype(
        try dtypes[0].dtype(), try dtypes[1].dtype(),
        isCast: try node.require("cast").bool())
    } else {
      self = .values(try ChangedValues(record: try node.require("values")))
    }
  }
}

extension ChangedValues: RecordedOutcome {
  package var record: JSONValue {
    .object([
      "count": .int(count), "elements": .int(elementCount), "numbers": .int(numberCount),
      "max": .exact(maximum), "sum": .exact(sum), "squares": .exact(squares),
      "cross": .exact(cross), "change_squares": .exact(changeSquares),
      "first_index": .ints(firstIndex),
      "first": .array([.exact(first.first), .exact(first.second)]),
    ])
  }

  package init(record node: DocumentNode) throws {
    self.init()
    count = try node.require("count").int()
    elementCount = try node.require("elements").int()
    numberCount = try node.require("numbers").int()
    maximum = try node.require("max").exactDouble()
    sum = try node.require("sum").exactDouble()
    squares = try node.require("squares").exactDouble()
    cross = try node.require("cross").exactDouble()
    changeSquares = try node.require("change_squares").exactDouble()
    firstIndex = try node.require("first_index").items().map { try $0.int() }
    let pair = try node.require("first").items()
    guard pair.count == 2 else { throw node.problem("two numbers expected") }
    first = Pair(first: try pair[0].exactDouble(), second: try pair[1].exactDouble())
  }
}
