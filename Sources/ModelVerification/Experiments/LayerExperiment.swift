import ReferenceLayers

/// One side of a layer that is recomputed: what went in, what came out, and how it says it computes.
struct LayerSide {
  let inputs: [Tensor<Double>]
  let output: Tensor<Double>
  /// By its attributes and its own weights.
  let declared: LayerConfiguration
}

/// What came of recomputing one side under every known convention.
struct Reproduction {
  let configuration: LayerConfiguration
  /// How far the recomputed output is from the recorded one, as a part of its scale.
  let residual: Double
}

/// Recomputes a layer from its recorded inputs and weights under known conventions.
struct LayerExperiment {
  /// Rounding of float32 in a layer leaves less.
  static let reproduces = 1e-5
  /// Below this nothing better is looked for.
  private static let exact = 1e-6
  /// A convention is taken for the right one where it comes so many times nearer than the declared.
  private static let betterBy = 5.0
  /// Changes that are tried one after the other.
  private static let maximumChanges = 2

  /// The configuration that reproduces a side's output: the declared one, or the nearest that a few
  /// changes make of it; `nil` where none does.
  static func reproduce(_ side: LayerSide) -> Reproduction? {
    var configuration = side.declared
    var limit = reproduces
    if configuration.settings[.precision] != nil, let half = Precision.ofResult(side.output),
      let bits = half.bits
    {
      // Numbers rounded so coarsely fall to either side where sums differ in their last digit.
      configuration.settings[.precision] = .name(half.rawValue)
      limit = 4 / Double(1 << bits)
    }
    guard var best = residual(configuration, side) else {
      return search(side, from: configuration, residual: .infinity)
    }
    if best <= exact { return Reproduction(configuration: configuration, residual: best) }
    for _ in 0..<maximumChanges {
      guard let found = search(side, from: configuration, residual: best),
        found.residual * betterBy < best
      else { break }
      (configuration, best) = (found.configuration, found.residual)
      if best <= exact { break }
    }
    return best <= limit ? Reproduction(configuration: configuration, residual: best) : nil
  }

  private static func search(
    _ side: LayerSide, from start: LayerConfiguration, residual: Double
  ) -> Reproduction? {
    var best: Reproduction?
    func attempt(_ configuration: LayerConfiguration) {
      guard let distance = Self.residual(configuration, side) else { return }
      if distance < best?.residual ?? residual {
        best = Reproduction(configuration: configuration, residual: distance)
      }
    }
    let alternatives = start.definition.alternatives(
      to: start.settings, start.operands, inputs: side.inputs)
    for (setting, values) in alternatives.sorted(by: { $0.key < $1.key }) {
      for value in values where value != start.settings[setting] {
        var changed = start
        changed.settings[setting] = value
        attempt(changed)
      }
    }
    for operand in start.operands.keys.sorted() {
      for mistake in OperandMistake.known(operand) {
        guard let tensor = start.operands[operand].flatMap(mistake.apply) else { continue }
        var changed = start
        changed.operands[operand] = tensor
        attempt(changed)
      }
    }
    return best
  }

  static func residual(_ configuration: LayerConfiguration, _ side: LayerSide) -> Double? {
    guard let output = configuration.output(side.inputs),
      output.values.count == side.output.values.count
    else { return nil }
    let difference = Difference(output.values, reference: side.output.values)
    return difference.maximum.isNaN ? nil : difference.relative
  }
}
