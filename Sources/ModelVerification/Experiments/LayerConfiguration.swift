import ReferenceLayers

/// One way of computing a layer: the choices, and the tensors.
struct LayerConfiguration {
  let definition: any LayerDefinition
  var settings: Settings
  var operands: Operands

  func output(_ inputs: [Tensor<Double>]) -> Tensor<Double>? {
    definition.apply(inputs, operands, settings)
  }
}

/// One thing in which two configurations differ.
enum ConfigurationChange {
  case setting(Setting)
  case operand(Operand)

  /// `configuration` with this from `other`.
  func applied(
    to configuration: LayerConfiguration, from other: LayerConfiguration
  ) -> LayerConfiguration {
    var result = configuration
    switch self {
    case .setting(let setting): result.settings[setting] = other.settings[setting]
    case .operand(let operand): result.operands[operand] = other.operands[operand]
    }
    return result
  }

  /// Parameters that differ by less than this part of their scale differ by rounding.
  private static let rounding = 1e-6

  /// Everything in which two configurations differ, in a fixed order.
  static func all(
    _ a: LayerConfiguration, _ b: LayerConfiguration
  ) -> [ConfigurationChange] {
    let settings = Setting.allCases.filter { a.settings[$0] != b.settings[$0] }
    let operands = Operand.allCases.filter { operand in
      let (x, y) = (a.operands[operand], b.operands[operand])
      guard let x, let y else {
        let values = (x ?? y)?.values
        return values.map { !operand.isBias || $0.contains { $0 != 0 } } ?? false
      }
      return x.shape != y.shape || !(Difference(y, reference: x).relative <= rounding)
    }
    return settings.map(ConfigurationChange.setting) + operands.map(ConfigurationChange.operand)
  }
}
