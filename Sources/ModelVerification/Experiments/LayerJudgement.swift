import ReferenceLayers

/// What experiments on one layer showed.
enum LayerJudgement {
  /// Both sides compute the same, each from its own inputs.
  case same(ineffective: [Cause])
  /// They compute something else, and why, the strongest cause first.
  case differs([Cause], ineffective: [Cause])
  /// One side, or both, could not be reproduced; what their attributes and weights tell.
  case unknown([Cause])
}

/// Judges one layer by what both sides made of their own inputs.
struct LayerJudge {
  let source: LayerSide
  let converted: LayerSide
  let framework: LayerFacts.Framework

  /// How much an effect must be of a layer's scale to matter.
  private static let matters = RecordingTolerance.rounding

  func judge() -> LayerJudgement {
    let (a, b) = (LayerExperiment.reproduce(source), LayerExperiment.reproduce(converted))
    let isKnown = a != nil && b != nil
    let (x, y) = (a?.configuration ?? source.declared, b?.configuration ?? converted.declared)
    let changes = ConfigurationChange.all(x, y)
    let tried = changes.map { (change: $0, cause: cause($0, x, y)) }
    let effective = tried.map(\.cause).filter { $0.effect.map { $0 > Self.matters } ?? true }
      .sorted { ($0.effect ?? 1) > ($1.effect ?? 1) }
    let ineffective = tried.map(\.cause).filter { $0.effect.map { $0 <= Self.matters } ?? false }
    guard isKnown else { return .unknown(effective) }
    // Two changes can undo each other, as a bias moved from one place to another does.
    let together = effect(of: y, beside: x)
    if effective.isEmpty || together.map({ $0 <= Self.matters }) ?? false {
      return .same(ineffective: ineffective)
    }
    return .differs(effective, ineffective: ineffective)
  }

  /// How far one configuration takes the source's output from another's.
  private func effect(of changed: LayerConfiguration, beside base: LayerConfiguration) -> Double? {
    guard let y = base.output(source.inputs) else { return nil }
    guard let z = changed.output(source.inputs), z.values.count == y.values.count else { return 1 }
    let relative = Difference(z.values, reference: y.values).relative
    return relative.isNaN ? 1 : relative
  }

  private func cause(
    _ change: ConfigurationChange, _ x: LayerConfiguration, _ y: LayerConfiguration
  ) -> Cause {
    let alone = effect(of: change.applied(to: x, from: y), beside: x)
    let share = explained(change, x, y)
    switch change {
    case .setting(let setting):
      return Cause(
        id: SettingCause.id(setting, x.settings, y.settings, x.definition), explains: share,
        effect: alone,
        text: SettingCause.text(setting, x.settings[setting], y.settings[setting]),
        fix: SettingCause.fix(setting, x.settings, x.definition, framework))
    case .operand(let operand):
      let (id, finding, fix) =
        exchanged(operand, x, y) ?? added(operand, x, y)
        ?? OperandDiagnosis.explain(
          operand, source: x.operands[operand], converted: y.operands[operand])
      return Cause(
        id: id, explains: share, effect: alone,
        text: "the converted model's \(operand.rawValue.replacing("_", with: " ")) \(finding)",
        fix: fix)
    }
  }

  /// That a tensor stands where another of the same layer belongs.
  private func exchanged(
    _ operand: Operand, _ x: LayerConfiguration, _ y: LayerConfiguration
  ) -> (id: String, finding: String, fix: String)? {
    guard let found = y.operands[operand] else { return nil }
    let other = x.operands.keys.sorted().first {
      guard $0 != operand, let tensor = x.operands[$0], tensor.shape == found.shape,
        tensor.values.contains(where: { $0 != 0 })
      else { return false }
      return Difference(found, reference: tensor).relative <= RecordingTolerance.rounding
    }
    return other.map {
      let words = $0.rawValue.replacing("_", with: " ")
      return (
        x.definition.id == "attention" ? "weight_permuted" : "other_weights",
        "holds what belongs in the \(words)", "put it where it belongs"
      )
    }
  }

  /// That another bias of the layer counts in a bias too.
  private func added(
    _ operand: Operand, _ x: LayerConfiguration, _ y: LayerConfiguration
  ) -> (id: String, finding: String, fix: String)? {
    guard operand.isBias, let own = x.operands[operand], let found = y.operands[operand],
      own.values.count == found.values.count
    else { return nil }
    let other = Operand.allCases.first { other in
      guard other != operand, other.isBias, let tensor = x.operands[other],
        tensor.values.count == own.values.count, tensor.values.contains(where: { $0 != 0 })
      else { return false }
      return Difference(found, reference: own + tensor).relative <= RecordingTolerance.rounding
    }
    return other.map {
      (
        "bias_doubled", "has the \($0.rawValue.replacing("_", with: " ")) in it too",
        "give one of the two biases zeros"
      )
    }
  }

  /// The share of the difference that is gone once the converted layer has the source's choice.
  private func explained(
    _ change: ConfigurationChange, _ x: LayerConfiguration, _ y: LayerConfiguration
  ) -> Double? {
    guard let reference = x.output(source.inputs) else { return nil }
    let mended = change.applied(to: y, from: x).output(source.inputs)
    guard let mended, mended.values.count == reference.values.count else { return 0 }
    guard let parted = y.output(source.inputs), parted.values.count == reference.values.count
    else { return 1 }
    let before = Difference(parted.values, reference: reference.values).rootMeanSquare
    let after = Difference(mended.values, reference: reference.values).rootMeanSquare
    guard before > 0, before.isFinite, after.isFinite else { return nil }
    return max(0, 1 - after / before)
  }
}
