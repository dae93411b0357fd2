import CheckpointCore

/// How one stage of two runs differs.
package struct StageComparison: Sendable {
  package let stage: StageName
  package let count: Int
  /// Elements beyond the tolerance; of segmentations, pixels with another label, ties apart.
  package let beyond: Int
  /// The largest and the mean |a - b|; NaN where an element of either is NaN.
  package let maximum: Double
  package let mean: Double
  /// The largest difference as a part of the reference's range, max - min.
  package let relative: Double
  /// The cosine of the angle between the two, as vectors.
  package let cosine: Double
  package let tolerance: Tolerance
  /// The first place beyond the tolerance: the clip of the batch and its frame.
  let firstPlace: (clip: Int, frame: Int)?

  package var agrees: Bool { beyond == 0 }

  /// Slots whose logit is nearer to the best than this, or than the tolerance of the logits, are
  /// equally right labels of a pixel.
  static let tieMargin = 1e-5

  /// - Parameter isTied: whether a label is as right as the reference's at a pixel; for segmentations.
  init(
    _ a: Stage, reference b: Stage, _ tolerance: Tolerance,
    isTied: (_ pixel: Int, _ label: Int) -> Bool
  ) throws {
    guard a.shape == b.shape else {
      throw CheckpointError(
        entry: b.name.rawValue, "shape \(a.shape) expected, \(b.shape) found",
        advice: "the recording must be of this model on these inputs")
    }
    let (x, y) = (a.doubles, b.doubles)
    stage = a.name
    count = x.count
    self.tolerance = tolerance
    var (beyond, first) = (0, Int?.none)
    var (largest, sum, dot, xx, yy) = (0.0, 0.0, 0.0, 0.0, 0.0)
    var (low, high) = (Double.infinity, -Double.infinity)
    for index in x.indices {
      let difference = (x[index] - y[index]).magnitude
      sum += difference
      if difference.isNaN || difference > largest { largest = largest.isNaN ? .nan : difference }
      dot += x[index] * y[index]
      xx += x[index] * x[index]
      yy += y[index] * y[index]
      low = min(low, y[index])
      high = max(high, y[index])
      let isNear =
        a.name == .segmentations
        ? x[index] == y[index] || isTied(index, Int(x[index]))
        : tolerance.admits(x[index], y[index])
      if !isNear {
        beyond += 1
        first = first ?? index
      }
    }
    self.beyond = beyond
    maximum = largest
    mean = sum / Double(max(x.count, 1))
    relative = largest == 0 ? 0 : largest / (high - low)
    let lengths = (xx * yy).squareRoot()
    cosine = lengths > 0 ? dot / lengths : x == y ? 1 : 0
    firstPlace = first.map { index in
      let perClip = max(1, x.count / max(1, a.shape[0]))
      let perFrame = a.name == .initSlots ? perClip : max(1, perClip / a.shape[1])
      return (index / perClip, index % perClip / perFrame)
    }
  }

  /// The stages that both have, in the order in which they are computed.
  package static func compare(
    _ stages: [Stage], reference: [Stage], _ tolerances: Tolerances
  ) throws -> [StageComparison] {
    let references = Dictionary(
      reference.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    // Either side's logits tell which labels are arbitrary.
    let logits = references[.alphaLogits] ?? stages.first { $0.name == .alphaLogits }
    let margin = max(tieMargin, tolerances[.alphaLogits].absolute)
    let isTied = Self.ties(logits, margin)
    return try stages.compactMap { stage in
      try references[stage.name].map {
        try StageComparison(stage, reference: $0, tolerances[stage.name], isTied: isTied)
      }
    }
  }

  /// Whether a label's logit is too near the best one to choose between them.
  private static func ties(_ logits: Stage?, _ margin: Double) -> (Int, Int) -> Bool {
    guard let logits, logits.shape.count == 6 else { return { _, _ in false } }
    let (values, slots) = (logits.doubles, logits.shape[2])
    let pixels = logits.shape[3] * logits.shape[4]
    return { index, label in
      let (frame, pixel) = index.quotientAndRemainder(dividingBy: pixels)
      func logit(_ slot: Int) -> Double { values[(frame * slots + slot) * pixels + pixel] }
      guard (0..<slots).contains(label) else { return false }
      let best = (0..<slots).reduce(-Double.infinity) { max($0, logit($1)) }
      return best - logit(label) < margin
    }
  }
}
