/// How far two activations may be apart: |a - b| <= atol + rtol·|b|.
package struct Tolerance: Sendable, Equatable {
  package let absolute: Double
  package let relative: Double

  package init(absolute: Double, relative: Double) {
    self.absolute = absolute
    self.relative = relative
  }

  func admits(_ a: Double, _ b: Double) -> Bool {
    // NaN is near nothing, and an infinity only itself.
    a == b || (b.isFinite && (a - b).magnitude <= absolute + relative * b.magnitude)
  }
}

/// The tolerance of every stage.
package struct Tolerances: Sendable {
  package let common: Tolerance
  package let perStage: [StageName: Tolerance]

  package init(common: Tolerance, perStage: [StageName: Tolerance] = [:]) {
    self.common = common
    self.perStage = perStage
  }

  package subscript(stage: StageName) -> Tolerance { perStage[stage] ?? common }

  /// Beyond the rounding of float32 in any order of summation: the two real frameworks agree to
  /// 3.6e-6 at every stage.
  package static let standard = Tolerance(absolute: 1e-5, relative: 1e-5)
}
