public import CheckpointCore
import CheckpointInspection
import CheckpointMapping

/// Checks a checkpoint against a schema, in one pass over its elements.
public struct CheckpointValidator: Sendable {
  /// What was found, and how much was looked at.
  public struct Outcome: Sendable {
    public let findings: [Finding]
    public let checkedTensors: Int
  }

  private let schema: CheckpointSchema
  private let threads: Int

  public init(_ schema: CheckpointSchema, threads: Int) {
    self.schema = schema
    self.threads = threads
  }

  /// - Parameters:
  ///   - entries: the checkpoint's, as selected.
  ///   - source: the elements that each tensor should be made of, by name, where a source to
  ///     compare with is at hand.
  public func validate(
    _ entries: [CheckpointEntry], against source: [TensorName: OutputTensor]? = nil,
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) throws -> Outcome {
    let expected = try schema.expectedTensors()
    var structure = StructureCheck(schema, expected, entries)
    var (findings, tensors) = try structure.run()
    let constraints = Dictionary(
      tensors.map { ($0.name, schema.constraints(for: $0.name)) },
      uniquingKeysWith: { first, _ in first })
    let centroids = Dictionary(
      tensors.compactMap { tensor in
        schema.centroid(for: tensor.name).map { (tensor.name, $0) }
      }, uniquingKeysWith: { first, _ in first })
    let scans = try TensorScan.scan(
      tensors, threads: threads,
      request: { tensor in
        .init(
          hash: constraints[tensor.name]?.sha256 != nil, centroid: centroids[tensor.name] != nil)
      }, stream: stream)
    let recorded = Dictionary(
      schema.entries.compactMap { entry in
        entry.constraints.sha256.map { ($0, entry.pattern.text) }
      }, uniquingKeysWith: { first, _ in first })
    let secondNames = Set(expected.filter { $0.aliasOf != nil }.map(\.name))
    for (tensor, aliasOf) in withAliases(tensors) where !secondNames.contains(tensor.name) {
      guard aliasOf == nil, let scan = scans[tensor.name] else { continue }
      findings += ValueCheck(
        tensor: tensor, scan: scan, constraints: constraints[tensor.name] ?? schema.defaults,
        centroid: centroids[tensor.name], recordedHashes: recorded
      ).findings()
    }
    let equality = EqualityCheck(expected, tensors, scans, constraints, stream: stream)
    findings += try equality.findings()
    if let source {
      findings += try SourceCheck(schema, tensors, source, stream: stream).findings()
    }
    let isEmpty = !entries.contains { if case .tensor = $0 { true } else { false } }
    if isEmpty || (tensors.isEmpty && findings.isEmpty) {
      findings.append(
        Finding(.nothingChecked, expected: "at least one tensor", found: "none"))
    }
    return Outcome(findings: findings.sorted(by: Finding.precedes), checkedTensors: tensors.count)
  }
}
