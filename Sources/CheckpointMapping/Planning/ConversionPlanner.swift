package import CheckpointCore

/// Fits a checkpoint to a mapping. A plan is total: every source tensor is consumed exactly once and
/// every target produced exactly once, or there is no plan.
package struct ConversionPlanner: Sendable {
  private let model: ModelDocument
  private let direction: ConversionDirection
  /// The tensors of the target's side that rules may copy.
  private let template: [TensorInfo]?
  private let names: ExpectedNames

  /// - Throws: the first error of `MappingLint` in the document.
  package init(
    _ model: ModelDocument, direction: ConversionDirection, template: [TensorInfo]? = nil
  ) throws {
    self.model = model
    self.direction = direction
    self.template = template
    names = ExpectedNames(try CompiledMapping(model), direction)
  }

  package enum Outcome: Sendable {
    case fits(ConversionPlan)
    /// The nearest miss and where it was.
    case misses(MappingMismatch, root: TensorName)
  }

  /// Every place in the checkpoint where the parameters fit, or else the nearest miss.
  package func outcomes(for entries: [CheckpointEntry]) -> [Outcome] {
    var fits: [Outcome] = []
    var nearest: (MappingMismatch, root: TensorName)?
    for root in ParameterRoot.candidates(entries, isExpected: names.contains) {
      let (inside, outside) = root.split(entries)
      do {
        fits.append(.fits(try plan(inside, root: root, outside)))
      } catch {
        if nearest == nil || error.count < nearest!.0.count { nearest = (error, root.prefix) }
      }
    }
    if let nearest, fits.isEmpty { return [.misses(nearest.0, root: nearest.root)] }
    return fits
  }

  private func plan(
    _ entries: [CheckpointEntry], root: ParameterRoot, _ outside: [CheckpointEntry]
  ) throws(MappingMismatch) -> ConversionPlan {
    var builder = try PlanBuilder(
      model, direction, withCollections(entries), template: template)
    switch direction {
    case .forward: builder.planForward()
    case .reverse: builder.planReverse()
    }
    let (steps, pairs, values) = try builder.finish()
    return ConversionPlan(
      model: model, direction: direction, root: root.prefix, steps: steps, equalPairs: pairs,
      leftOut: values + outside)
  }

  /// Where the document names collections and the file does not, the file's names get them.
  private func withCollections(_ entries: [CheckpointEntry]) -> [CheckpointEntry] {
    guard direction == .forward, names.hasCollections else { return entries }
    return entries.map { entry in
      guard ParameterRoot.withoutCollection(entry.name) == entry.name else { return entry }
      let full = ParameterRoot.collections.map { TensorName("\($0)/\(entry.name)") }
      return full.first { names.hasName($0) }.map(entry.renamed) ?? entry
    }
  }
}

/// The names a mapping can take from a file, families included.
struct ExpectedNames: Sendable {
  private let fixed: Set<TensorName>
  private let families: [NamePattern]
  /// Whether the document writes Flax's collections in its names.
  let hasCollections: Bool

  init(_ mapping: CompiledMapping, _ direction: ConversionDirection) {
    fixed = Set(direction == .forward ? mapping.sourceNames : mapping.targetNames)
    families = mapping.openRules.flatMap {
      direction == .forward ? $0.action.sources : $0.action.targets
    }
    let all = fixed + families.map { TensorName($0.prefix) }
    hasCollections = all.contains { ParameterRoot.withoutCollection($0) != $0 }
  }

  /// Whether the document writes this name.
  func hasName(_ name: TensorName) -> Bool {
    fixed.contains(name) || families.contains { $0.match(name) != nil }
  }

  /// The same, with or without the collection that the document writes.
  func contains(_ name: TensorName) -> Bool {
    hasName(name)
      || (hasCollections
        && ParameterRoot.collections.contains { hasName("\($0)/\(name)") })
  }
}
