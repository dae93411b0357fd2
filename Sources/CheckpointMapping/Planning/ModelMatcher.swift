package import CheckpointCore

/// Finds the one model, and the one place in the file, that a checkpoint's parameters fit.
package enum ModelMatcher {
  /// A message tells of this many models what stands against them, the nearest first.
  private static let toldMisses = 2

  /// - Parameters:
  ///   - models: the candidates: one where the user named it, else every built-in model.
  ///   - template: tensors of the target's side that rules may copy.
  /// - Throws: `CheckpointError` where none fits, listing what did not, or where several do.
  package static func plan(
    _ entries: [CheckpointEntry], models: [ModelDocument], direction: ConversionDirection,
    template: [TensorInfo]? = nil
  ) throws -> ConversionPlan {
    let (plans, misses) = try outcomes(entries, models, direction, template)
    if plans.count == 1 { return plans[0] }
    guard plans.isEmpty else { throw ambiguity(plans) }
    if let model = fittingReversed(entries, models, direction) {
      let sides = [model.sides.source, model.sides.target].map(ModelDocument.Sides.title)
      let (from, to) =
        model.oriented(direction) == .forward ? (sides[0], sides[1]) : (sides[1], sides[0])
      throw CheckpointError(
        "these are \(to) parameters already, not \(from) ones",
        advice: direction == .forward
          ? "use --reverse to convert them to \(from), or --map none to change the format alone"
          : "leave out --reverse")
    }
    throw noFit(misses, models)
  }

  /// The plan in whichever direction fits; where neither does, what stands against the nearer one.
  package static func planEitherWay(
    _ entries: [CheckpointEntry], models: [ModelDocument]
  ) throws -> ConversionPlan {
    var misses: [Miss] = []
    for direction in [ConversionDirection.forward, .reverse] {
      let (plans, missed) = try outcomes(entries, models, direction, nil)
      if plans.count == 1 { return plans[0] }
      guard plans.isEmpty else { throw ambiguity(plans) }
      misses += missed
    }
    // Of each model the direction that comes nearer: the other has all names wrong.
    let nearest = models.compactMap { model in
      misses.filter { $0.model.name == model.name }.min { $0.mismatch.count < $1.mismatch.count }
    }
    throw noFit(nearest, models)
  }

  private typealias Miss = (model: ModelDocument, mismatch: MappingMismatch, root: TensorName)

  /// What comes of every model: the plans that fit, and the nearest misses.
  private static func outcomes(
    _ entries: [CheckpointEntry], _ models: [ModelDocument], _ direction: ConversionDirection,
    _ template: [TensorInfo]?
  ) throws -> (plans: [ConversionPlan], misses: [Miss]) {
    var plans: [ConversionPlan] = []
    var misses: [Miss] = []
    for model in models {
      let planner = try ConversionPlanner(
        model, direction: model.oriented(direction), template: template)
      for outcome in planner.outcomes(for: entries) {
        switch outcome {
        case .fits(let plan): plans.append(plan)
        case .misses(let mismatch, let root): misses.append((model, mismatch, root))
        }
      }
    }
    return (plans, misses)
  }

  private static func noFit(_ misses: [Miss], _ models: [ModelDocument]) -> CheckpointError {
    let nearest = misses.sorted { $0.mismatch.count < $1.mismatch.count }
    var texts = nearest.prefix(toldMisses).map { miss in
      let place = miss.root.isEmpty ? "" : " under \(miss.root)"
      return "\(miss.model.name)\(place): \(miss.mismatch.summary)"
    }
    let others = nearest.dropFirst(toldMisses).map(\.model.name)
    if !others.isEmpty { texts.append("further off: \(others.joined(separator: ", "))") }
    return CheckpointError(
      (models.count == 1 ? "the mapping does not fit: " : "no model's mapping fits: ")
        + texts.joined(separator: " | "),
      advice: "name a mapping file with --map FILE, a subtree with --key, or leave entries out "
        + "with --exclude; --map none changes the format alone")
  }

  private static func ambiguity(_ plans: [ConversionPlan]) -> CheckpointError {
    if Set(plans.map(\.model.name)).count > 1 {
      return CheckpointError(
        "several models fit: \(plans.map(\.model.name).joined(separator: ", "))",
        advice: "choose one with --map NAME")
    }
    let places = plans.map { $0.root.isEmpty ? "the top of the file" : $0.root.text }
    return CheckpointError(
      "the parameters occur more than once: at \(places.joined(separator: ", "))",
      advice: "choose one with --key PATH")
  }

  private static func fittingReversed(
    _ entries: [CheckpointEntry], _ models: [ModelDocument], _ direction: ConversionDirection
  ) -> ModelDocument? {
    models.first { model in
      guard
        let planner = try? ConversionPlanner(model, direction: model.oriented(direction.reversed))
      else { return false }
      return planner.outcomes(for: entries).contains {
        if case .fits = $0 { true } else { false }
      }
    }
  }
}
