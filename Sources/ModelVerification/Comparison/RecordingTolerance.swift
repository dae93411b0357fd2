/// How far two recorded tensors may be apart: |a - b| <= absolute + relative · (largest |b|).
///
/// Two frameworks add float32 numbers in other orders: on one machine that leaves about 1e-6 of a
/// tensor's largest element behind each layer, and what layers amplify.
public struct RecordingTolerance: Sendable {
  /// In the tensor's own unit.
  public let absolute: Double
  /// As a part of the reference's largest element.
  public let relative: Double

  /// 1e-7 and 1e-5.
  public static let standard = RecordingTolerance(absolute: 1e-7, relative: 1e-5)

  /// An effect below this part of a layer's scale is rounding of float32.
  static let rounding = 1e-6
  /// A difference above this part of the scale is no rounding, however often it was amplified.
  static let certain = 1e-3
  /// Labels of which no larger part differs are the same but for ties.
  static let ties = 0.01
  /// How much more a layer's outputs may differ than its inputs, where it cannot be recomputed:
  /// softmax and norms amplify.
  static let amplification = 20.0

  public init(absolute: Double, relative: Double) {
    self.absolute = absolute
    self.relative = relative
  }

  package func admits(_ difference: Difference) -> Bool {
    difference.maximum <= absolute + relative * difference.scale
  }
}
