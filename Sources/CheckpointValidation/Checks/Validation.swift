import CheckpointCore
package import CheckpointInspection
import CheckpointMapping

/// The validation of one checkpoint: what its structure says, the passes over its elements, and what
/// follows from both.
package struct Validation: Sendable {
  /// The figures of every tensor that can be checked.
  package let scans: TensorPass<TensorScan>
  /// The comparison with a source, where there is one.
  package let sourceCheck: SourceCheck?

  private let schema: CheckpointSchema
  private let expected: [ExpectedTensor]
  private let entries: [CheckpointEntry]
  private let structure: [Finding]
  private let tensors: [TensorInfo]
  private let constraints: [TensorName: TensorConstraints]
  private let centroids: [TensorName: [Double]]
  private let stream: @Sendable (TensorInfo, ElementSink) throws -> Void

  init(
    _ schema: CheckpointSchema, _ entries: [CheckpointEntry],
    _ source: [TensorName: OutputTensor]?, _ threads: Int, hashesAll: Bool,
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) throws {
    expected = try schema.expectedTensors()
    var check = StructureCheck(schema, expected, entries)
    let (structure, tensors) = try check.run()
    let constraints = Dictionary(
      tensors.map { ($0.name, schema.constraints(for: $0.name)) },
      uniquingKeysWith: { first, _ in first })
    let centroids = Dictionary(
      tensors.compactMap { tensor in
        schema.centroid(for: tensor.name).map { (tensor.name, $0) }
      }, uniquingKeysWith: { first, _ in first })
    scans = TensorPass.scans(
      of: tensors, threads: threads,
      request: { tensor in
        .init(
          hash: hashesAll || constraints[tensor.name]?.sha256 != nil,
          centroid: centroids[tensor.name] != nil)
      }, stream: stream)
    sourceCheck = try source.map {
      try SourceCheck(schema, tensors, $0, threads: threads, stream: stream)
    }
    (self.schema, self.entries, self.stream) = (schema, entries, stream)
    (self.structure, self.tensors) = (structure, tensors)
    (self.constraints, self.centroids) = (constraints, centroids)
  }

  /// - Parameters:
  ///   - scanned: the outcomes of `scans`.
  ///   - compared: those of `sourceCheck`.
  package func outcome(
    _ scanned: [TensorScan], againstSource compared: [SourceCheck.Outcome]
  ) throws -> CheckpointValidator.Outcome {
    let scans = self.scans.byName(scanned)
    var findings = structure
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
    findings += sourceCheck?.findings(compared) ?? []
    let isEmpty = !entries.contains { if case .tensor = $0 { true } else { false } }
    if isEmpty || (tensors.isEmpty && findings.isEmpty) {
      findings.append(
        Finding(.nothingChecked, expected: "at least one tensor", found: "none"))
    }
    return .init(findings: findings.sorted(by: Finding.precedes), checkedTensors: tensors.count)
  }
}
