package import CheckpointCore

extension DiffReport {
  /// `schemas/diff.schema.json`.
  package var json: JSONValue {
    .object([
      "schema_version": .int(1),
      "first": .string(first),
      "second": .string(second),
      "verdict": .object([
        "kind": .string(verdict.kind.rawValue), "text": .string(verdict.text),
      ]),
      "compared": .int(diff.comparedCount),
      "differing": .int(diff.differingCount),
      "differences": .array(diff.differences.map(Self.json)),
    ])
  }

  private static func json(_ difference: TensorDifference) -> JSONValue {
    var members: [JSONValue.Member] = [.init("name", .name(difference.name))]
    func add(_ kind: String, _ more: KeyValuePairs<String, JSONValue> = [:]) {
      members.append(.init("kind", .string(kind)))
      members += more.map { .init($0.key, $0.value) }
    }
    switch difference.kind {
    case .onlyInFirst: add("only_in_first", ["same_content_as": .name(difference.sameContentAs)])
    case .onlyInSecond: add("only_in_second", ["same_content_as": .name(difference.sameContentAs)])
    case .shape(let a, let b):
      add("shape", ["first": .ints(a.dimensions), "second": .ints(b.dimensions)])
    case .dtype(let a, let b, let isCast):
      add(
        "dtype",
        ["first": .string(a.name), "second": .string(b.name), "only_rounded": .bool(isCast)])
    case .values(let values):
      add(
        "values",
        [
          "count": .int(values.count), "changed_share": .double(values.changedShare),
          "max": .finite(values.maximum), "mean": .finite(values.mean),
          "relative": .finite(values.relative), "cosine": .finite(values.cosine),
          "first_index": .ints(values.firstIndex), "first": .finite(values.first.first),
          "second": .finite(values.first.second),
        ])
    }
    return .object(members)
  }
}
