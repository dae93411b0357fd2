/// Why a recording parts from what Flax would compute with the same weights: known conventions that
/// its model has otherwise.
package struct RecordingDiagnosis: Sendable {
  /// A convention that brings the recording nearer, or makes it agree, where it first parts.
  package struct Cause: Sendable {
    package let convention: Convention
    /// The stage at which the recording parts first.
    package let stage: StageName
    /// The largest difference there, with Flax's convention and with the other one.
    package let difference: Double
    package let remaining: Double
    /// What to change in the recorded module.
    package let fix: String
  }

  package let causes: [Cause]
  /// The first stage that still parts with every cause switched.
  package let unexplained: StageName?

  /// A convention that leaves more of the difference than this is no cause.
  private static let explainedShare = 0.5

  /// Switches one convention after another, each time the one that leaves the least of the first
  /// difference, until nothing parts or nothing helps.
  init(
    _ recording: [Stage], _ model: ReferenceModel, _ clip: Clip, _ tolerances: Tolerances,
    precision: ReferenceModel.Precision, threads: Int
  ) throws {
    let last = recording.map(\.name).max()
    func compared(_ conventions: Conventions, upTo stage: StageName?) throws -> [StageComparison] {
      let stages = model.architecture.stages.filter { name in stage.map { name <= $0 } ?? true }
      return try StageComparison.compare(
        try model.run(
          clip, conventions: conventions, precision: precision, stages: Set(stages),
          threads: threads), reference: recording, tolerances)
    }
    let candidates = Convention.allCases.filter(model.architecture.has)
    var (current, causes) = (Conventions.flax, [Cause]())
    var parted = try compared(current, upTo: last).first { !$0.agrees }
    while let found = parted {
      var best: (convention: Convention, remaining: Double)?
      for convention in candidates where current.usesFlax(convention) {
        let switched = Conventions(flax: current.flax.subtracting([convention]))
        let stages = try compared(switched, upTo: found.stage)
        guard let stage = stages.first(where: { $0.stage == found.stage }),
          stages.prefix(while: { $0.stage < found.stage }).allSatisfy(\.agrees)
        else { continue }
        let remaining = stage.agrees ? 0 : stage.difference
        if remaining < best?.remaining ?? .infinity { best = (convention, remaining) }
      }
      guard let best, best.remaining < Self.explainedShare * found.difference else { break }
      causes.append(
        Cause(
          convention: best.convention, stage: found.stage, difference: found.difference,
          remaining: best.remaining, fix: model.architecture.fix(for: best.convention)))
      current = Conventions(flax: current.flax.subtracting([best.convention]))
      parted = try compared(current, upTo: last).first { !$0.agrees }
    }
    self.causes = causes
    unexplained = parted?.stage
  }
}

extension StageComparison {
  /// How far apart they are: the largest difference, or of labels how many differ.
  fileprivate var difference: Double {
    stage == .segmentations ? Double(beyond) : maximum
  }
}

extension SAViArchitecture {
  /// Part of a stage's largest value by which float32 runs of residual encoders differ: over more than
  /// thirty normalisations, frameworks' ways to take a variance part by up to 2.6e-5 of it.
  static let residualRounding = 5e-5

  /// The tolerances for a recording of another program: wider for float32 where the encoder is deep,
  /// unless a stage has one of its own.
  func tolerances(
    _ tolerances: Tolerances, beside recording: [Stage], _ precision: ReferenceModel.Precision
  ) -> Tolerances {
    guard case .residual = backbone, precision == .float32 else { return tolerances }
    let wider = recording.filter { $0.name != .segmentations }.map { stage in
      let largest = stage.doubles.reduce(0) { max($0, $1.magnitude) }
      return (
        stage.name,
        Tolerance(
          absolute: tolerances.common.absolute + Self.residualRounding * largest,
          relative: tolerances.common.relative)
      )
    }
    return Tolerances(
      common: tolerances.common,
      perStage: tolerances.perStage.merging(wider) { own, _ in own })
  }
}
