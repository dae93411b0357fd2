/// How far two activations may be apart: |a - b| <= atol + rtol·|b|.
public struct Tolerance: Sendable, Equatable {
  public let absolute: Double
  public let relative: Double

  public init(absolute: Double, relative: Double) {
    self.absolute = absolute
    self.relative = relative
  }

  func admits(_ a: Double, _ b: Double) -> Bool {
    // NaN is near nothing, and an infinity only itself.
    a == b || (b.isFinite && (a - b).magnitude <= absolute + relative * b.magnitude)
  }
}

/// The tolerance of every stage.
public struct Tolerances: Sendable {
  public let common: Tolerance
  public let perStage: [StageName: Tolerance]

  public init(common: Tolerance, perStage: [StageName: Tolerance] = [:]) {
    self.common = common
    self.perStage = perStage
  }

  public subscript(stage: StageName) -> Tolerance { perStage[stage] ?? common }

  /// Beyond the rounding of float32 in any order of summation: the two real frameworks agree to
  /// 3.6e-6 at every stage.
  public static let standard = Tolerance(absolute: 1e-5, relative: 1e-5)
}
