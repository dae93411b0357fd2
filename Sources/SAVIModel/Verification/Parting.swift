package import ReferenceLayers

/// The first layer at which two models part, on one frame.
package struct Parting: Sendable {
  package let layer: LayerIdentity
  package let clip: Int
  package let frame: Int
  /// The largest |a - b| of the layer's output, in float64.
  package let difference: Double
  /// The largest magnitude of the layer's output.
  package let magnitude: Double

  /// What float64 leaves of equal computations in another order, as a part of the output's
  /// magnitude, with a wide margin on both sides: rounding gives 1e-15, a wrong weight far more.
  static let threshold = 1e-9

  /// The first layer, in the order in which they run, whose outputs differ.
  static func first(
    _ a: [(layer: LayerIdentity, output: [Double])],
    _ b: [(layer: LayerIdentity, output: [Double])], clip: Int, frame: Int
  ) -> Parting? {
    let others = Dictionary(
      b.map { ($0.layer, $0.output) }, uniquingKeysWith: { first, _ in first })
    for (layer, output) in a {
      guard let other = others[layer] else { continue }
      let (difference, magnitude) = largest(output, other)
      if !(difference <= threshold * max(magnitude, 1)) {
        return Parting(
          layer: layer, clip: clip, frame: frame, difference: difference, magnitude: magnitude)
      }
    }
    return nil
  }

  private static func largest(
    _ a: [Double], _ b: [Double]
  ) -> (difference: Double, magnitude: Double) {
    var (difference, magnitude) = (0.0, 0.0)
    for (x, y) in zip(a, b) {
      let d = (x - y).magnitude
      if d.isNaN { return (.nan, magnitude) }
      difference = max(difference, d)
      magnitude = max(magnitude, y.magnitude)
    }
    return (difference, magnitude)
  }

  /// Where two runs part first.
  package struct Place: Sendable {
    package let stage: StageName
    package let clip: Int
    package let frame: Int
  }

  /// The frame at which the stages part first, in the order in which the pass computes them: the
  /// encoder's, the first slots, then frame by frame the corrector's and the predictor's, then the
  /// decoder's.
  static func place(_ comparisons: [StageComparison]) -> Place? {
    let parted = comparisons.filter { !$0.agrees }.compactMap { comparison in
      comparison.firstPlace.map {
        Place(stage: comparison.stage, clip: $0.clip, frame: $0.frame)
      }
    }
    let recurrent: Set<StageName> = [.attn, .corrected, .predicted]
    guard let first = parted.first else { return nil }
    guard recurrent.contains(first.stage) else { return first }
    // Stages of one frame are in the order in which they are computed: the first of them wins.
    return parted.filter { recurrent.contains($0.stage) }.reduce(first) { earliest, place in
      (place.frame, place.clip) < (earliest.frame, earliest.clip) ? place : earliest
    }
  }
}
