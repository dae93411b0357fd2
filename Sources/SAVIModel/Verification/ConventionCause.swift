import ReferenceLayers

/// A known convention that explains why the PyTorch module parts from the Flax model: switching it
/// alone makes the difference vanish where it first appears.
package struct ConventionCause: Sendable {
  package let convention: Convention
  /// Where the difference first appears.
  package let parting: Parting
  /// What this convention alone does to every stage: the others are Flax's on both sides.
  package let effects: [StageComparison]
  /// What to change in the PyTorch module.
  package let fix: String
}

/// Why the module of a state dict computes something else than Flax does with the same weights.
package struct ModuleDiagnosis: Sendable {
  package let causes: [ConventionCause]
  /// Where the module still parts when every cause is switched.
  package let unexplained: Parting?

  /// Switches one convention after another, each time the one that makes the first difference
  /// vanish, until none is left.
  init(_ model: ReferenceModel, _ clip: Clip, _ tolerances: Tolerances, threads: Int) throws {
    func layers(_ conventions: Conventions) throws -> [(layer: LayerIdentity, output: [Double])] {
      try model.layers(clip, item: 0, frame: 0, conventions: conventions, threads: threads)
    }
    let flax = try layers(.flax)
    let reference = try model.run(clip, conventions: .flax, threads: threads)
    let candidates = Convention.allCases.filter(model.architecture.has)
    var (current, causes) = (Conventions.port, [ConventionCause]())
    var parting = Parting.first(try layers(current), flax, clip: 0, frame: 0)
    search: while let found = parting {
      for convention in candidates where !current.usesFlax(convention) {
        let switched = Conventions(flax: current.flax.union([convention]))
        let output = try layers(switched)
        let next = Parting.first(output, flax, clip: 0, frame: 0)
        guard Self.isBehind(found, next, in: flax.map(\.layer)) else { continue }
        causes.append(
          ConventionCause(
            convention: convention, parting: found,
            effects: try StageComparison.compare(
              try model.run(clip, conventions: .all(but: convention), threads: threads),
              reference: reference, tolerances),
            fix: model.architecture.fix(for: convention)))
        (current, parting) = (switched, next)
        continue search
      }
      break
    }
    self.causes = causes
    unexplained = parting
  }

  /// Whether the layer of `found` agrees again: the difference that is left begins later, or nowhere.
  private static func isBehind(_ found: Parting, _ next: Parting?, in order: [LayerIdentity])
    -> Bool
  {
    guard let next else { return true }
    guard let before = order.firstIndex(of: found.layer),
      let after = order.firstIndex(of: next.layer)
    else { return false }
    return after > before
  }
}
