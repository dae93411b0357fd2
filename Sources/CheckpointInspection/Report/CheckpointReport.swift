import Bytes
package import CheckpointCore

/// All that is worth seeing of a checkpoint, gathered in one pass over its elements.
package struct CheckpointReport: Sendable {
  package struct Row: Sendable {
    package let tensor: TensorInfo
    package let aliasOf: TensorName?
    package let scan: TensorScan
    package let flags: [TensorFlag]
  }

  package let description: CheckpointDescription
  package let rows: [Row]
  /// The comparison with a second checkpoint.
  package let comparison: DiffReport?
  /// What `validate` and `verify` found, as their `--json` says it.
  package let findings: JSONValue?
  package let verification: JSONValue?

  /// - Parameters:
  ///   - stream: reads a tensor of the checkpoint.
  package init(
    _ description: CheckpointDescription, _ tensors: [TensorInfo], threads: Int,
    comparison: DiffReport? = nil, findings: JSONValue? = nil, verification: JSONValue? = nil,
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) throws {
    self.description = description
    self.comparison = comparison
    self.findings = findings
    self.verification = verification
    let scans = try TensorScan.scan(
      tensors, threads: threads,
      request: { _ in .init(hash: true, histogram: true, deadChannels: true) }, stream: stream)
    var twins: [Content: TensorName] = [:]
    rows = withAliases(tensors).compactMap { tensor, aliasOf in
      guard let scan = scans[tensor.name] else { return nil }
      var twin: TensorName?
      if aliasOf == nil, tensor.shape.count > 1, let digest = scan.sha256 {
        let content = Content(dtype: tensor.dtype, shape: tensor.shape, digest: digest)
        twin = twins[content]
        if twin == nil { twins[content] = tensor.name }
      }
      return Row(
        tensor: tensor, aliasOf: aliasOf, scan: scan,
        flags: TensorFlag.flags(tensor, scan, twin: twin))
    }
  }

  private struct Content: Hashable {
    let dtype: DType
    let shape: Shape
    let digest: String
  }
}

extension CheckpointReport {
  /// `schemas/report.schema.json`: what the page draws, and `report --json` prints.
  package var json: JSONValue {
    let changes = changesByName
    return .object([
      "schema_version": .int(1),
      "checkpoint": description.json,
      "summary": .array(description.lines().map(JSONValue.string)),
      "probabilities": .array(Histogram.probabilities.map(JSONValue.double)),
      "tensors": .array(rows.map { Self.json($0, changes[$0.tensor.name]) }),
      "depth": .array(DepthSeries.all(rows, changes).map(\.json)),
      "comparison": comparison?.json ?? .null,
      "findings": findings ?? .null,
      "verification": verification ?? .null,
    ])
  }

  /// How far the tensors moved that both checkpoints have.
  private var changesByName: [TensorName: ChangedValues] {
    let changes = (comparison?.diff.differences ?? []).compactMap { difference in
      if case .values(let values) = difference.kind { (difference.name, values) } else { nil }
    }
    return Dictionary(changes, uniquingKeysWith: { first, _ in first })
  }

  private static func json(_ row: Row, _ change: ChangedValues?) -> JSONValue {
    let figures = row.scan.statistics
    var members: [JSONValue.Member] = [
      .init("name", .name(row.tensor.name)),
      .init("dtype", .string(row.tensor.dtype.name)),
      .init("shape", .ints(row.tensor.shape.dimensions)),
      .init("bytes", .int(row.tensor.byteCount)),
    ]
    // Members that would say nothing are left out: a page may hold 20,000 tensors.
    func add(_ key: String, _ value: JSONValue?) {
      if let value { members.append(.init(key, value)) }
    }
    func count(_ value: Int) -> JSONValue? { value > 0 ? .int(value) : nil }
    guard row.aliasOf == nil else {
      add("alias_of", .name(row.aliasOf))
      return .object(members)
    }
    add("mean", .brief(figures.mean))
    add("std", .brief(figures.standardDeviation))
    add("rms", .brief(figures.rootMeanSquare))
    add("min", .brief(figures.minimum))
    add("max", .brief(figures.maximum))
    add("zeros", count(figures.zeroCount))
    add("nan", count(figures.nanCount))
    add("infinite", count(figures.infinityCount))
    if let histogram = row.scan.histogram, !histogram.quantiles.isEmpty {
      add("quantiles", .array(histogram.quantiles.map(JSONValue.brief)))
      add(
        "histogram",
        .object([
          "first_exponent": .int(histogram.firstExponent),
          "negative": .ints(histogram.negative), "positive": .ints(histogram.positive),
        ]))
    }
    if !row.flags.isEmpty { add("flags", .array(row.flags.map(\.json))) }
    if let change {
      add(
        "change",
        .object([
          "relative": .brief(change.relative), "cosine": .brief(change.cosine),
          "changed_share": .brief(change.changedShare), "max": .brief(change.maximum),
        ]))
    }
    return .object(members)
  }
}
