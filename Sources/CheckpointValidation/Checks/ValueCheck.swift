import CheckpointCore
import CheckpointInspection

/// Compares one tensor's figures with what is asked of them.
struct ValueCheck {
  let tensor: TensorInfo
  let scan: TensorScan
  let constraints: TensorConstraints
  let centroid: [Double]?
  /// The names of the tensors with a recorded hash, by hash.
  let recordedHashes: [String: String]

  /// Content that is the recorded one needs no other judgement.
  private var isRecorded: Bool { constraints.sha256.map { $0 == scan.sha256 } ?? false }

  func findings() -> [Finding] {
    isRecorded ? [] : finiteness() + bounds() + sameness() + hash() + layout()
  }

  private func finding(
    _ kind: FindingKind, expected: String, found: String, hint: String? = nil
  ) -> Finding {
    Finding(kind, tensor: tensor.name, expected: expected, found: found, hint: hint)
  }

  private var figures: Statistics { scan.statistics }

  private func finiteness() -> [Finding] {
    guard constraints.isFinite ?? true else { return [] }
    var result: [Finding] = []
    if figures.nanCount > 0 {
      result.append(
        finding(
          .notANumber, expected: "finite elements", found: counted(figures.nanCount, "NaN", "NaN")))
    }
    if figures.infinityCount > 0 {
      result.append(
        finding(
          .infinity, expected: "finite elements",
          found: counted(figures.infinityCount, "infinity", "infinities"),
          hint: tensor.dtype == .float16 ? "float16 ends at 65,504: cast from bfloat16?" : nil))
    }
    return result
  }

  private func bounds() -> [Finding] {
    // Figures of a tensor with NaN say nothing more, and an empty one has none.
    guard figures.nanCount == 0, figures.count > 0 else { return [] }
    let zeroFraction = Double(figures.zeroCount) / Double(figures.count)
    let absMax = max(figures.minimum.magnitude, figures.maximum.magnitude)
    let checks: [(FindingKind, Bounds?, Double)] = [
      (.meanOutOfBounds, constraints.mean, figures.mean),
      (.stdOutOfBounds, figures.count > 1 ? constraints.std : nil, figures.standardDeviation),
      (.absMaxOutOfBounds, constraints.absMax, absMax),
      (.zeroFractionOutOfBounds, constraints.zeroFraction, zeroFraction),
    ]
    return checks.compactMap { kind, bounds, value in
      guard let bounds, !bounds.contains(value) else { return nil }
      return finding(
        kind, expected: bounds.description, found: short(value), hint: boundsHint(kind, value))
    }
  }

  private func boundsHint(_ kind: FindingKind, _ value: Double) -> String? {
    switch kind {
    case .zeroFractionOutOfBounds where value == 1: "all zeros: never trained?"
    case .zeroFractionOutOfBounds: "dead units, or pruned?"
    case .stdOutOfBounds where value == 0: "every element is the same: never trained?"
    default: nil
    }
  }

  /// Constants that are asked for, and those that are not.
  private func sameness() -> [Finding] {
    guard figures.count > 0, figures.nanCount == 0 else { return [] }
    if let constant = constraints.constant {
      let isConstant = figures.minimum == constant && figures.maximum == constant
      return isConstant
        ? []
        : [
          finding(
            .constantMismatch, expected: "\(short(constant)) throughout",
            found: "\(short(figures.minimum)) to \(short(figures.maximum))")
        ]
    }
    // One element is a constant by nature; whole numbers are often counters or indices.
    guard figures.count > 1, figures.minimum == figures.maximum, figures.minimum.isFinite,
      !tensor.dtype.isInteger, tensor.dtype != .bool
    else { return [] }
    return figures.minimum == 0
      ? [
        finding(
          .allZeros, expected: "some element that is not zero", found: "all zeros",
          hint: "all zeros: never trained? Say \"constant: 0\" where it is meant")
      ]
      : [
        finding(
          .constantTensor, expected: "different elements",
          found: "\(short(figures.minimum)) throughout",
          hint: "never trained? Say \"constant: \(short(figures.minimum))\" where it is meant")
      ]
  }

  private func hash() -> [Finding] {
    guard let recorded = constraints.sha256, let found = scan.sha256, recorded != found else {
      return []
    }
    let other = recordedHashes[found]
    let exchanged = other.map {
      [
        finding(
          .exchangedTensor, expected: "its own elements", found: "those recorded for \($0)",
          hint: "were the two exchanged?")
      ]
    }
    return [
      finding(
        .hashMismatch, expected: "\(recorded.prefix(12))…", found: "\(found.prefix(12))…",
        hint: "the content changed")
    ] + (exchanged ?? [])
  }

  private func layout() -> [Finding] {
    guard let centroid, let found = scan.centroid,
      let phrase = CentroidDiagnosis(extents: tensor.shape.dimensions)
        .rearrangement(recorded: centroid, found: found)
    else { return [] }
    return [
      finding(
        .looksTransposed, expected: "its energy at \(describe(centroid))",
        found: "it at \(describe(found))", hint: phrase)
    ]
  }

  private func describe(_ centroid: [Double]) -> String {
    "(" + centroid.map(short).joined(separator: ", ") + ")"
  }
}

/// A figure with four significant digits.
func short(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
  return significant(value, digits: 4).description.replacing(/\.0$/, with: "")
}

/// `value` rounded to `digits` significant decimal digits.
func significant(
  _ value: Double, digits: Int, _ rule: FloatingPointRoundingRule = .toNearestOrEven
) -> Double {
  guard value.isFinite, value != 0 else { return value }
  var (power, scaled) = (digits - 1, value.magnitude)
  while scaled >= 10 { (scaled, power) = (scaled / 10, power - 1) }
  while scaled < 1 { (scaled, power) = (scaled * 10, power + 1) }
  // A decimal text of so many digits reads back as the nearest float64.
  guard power < 300 else { return value }
  let unit = (0..<power.magnitude).reduce(1.0) { result, _ in result * 10 }
  return power >= 0 ? (value * unit).rounded(rule) / unit : (value / unit).rounded(rule) * unit
}

extension Bounds {
  var description: String {
    switch (minimum, maximum) {
    case (let low?, let high?): "\(short(low)) to \(short(high))"
    case (let low?, nil): "at least \(short(low))"
    case (nil, let high?): "at most \(short(high))"
    case (nil, nil): "anything"
    }
  }
}
