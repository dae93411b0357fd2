/// A choice in how a layer computes that shapes do not show. With the kind of layer it names a cause.
package enum Setting: String, Sendable, CaseIterable, Comparable {
  case epsilon, padding, stride, dilation, groups, crop, training, offset, activation, slope
  case variance, heads, scale, axis, window, precision, counting, mask, cell
  case paddingMode = "padding_mode"
  case resetAfter = "reset_after"
  case kernelFlipped = "kernel_flipped"

  package static func < (a: Setting, b: Setting) -> Bool { a.rawValue < b.rawValue }
}

package enum SettingValue: Sendable, Hashable, CustomStringConvertible {
  case number(Double)
  case flag(Bool)
  case name(String)
  case extents([Int])
  /// For every axis, before and after.
  case pairs([[Int]])

  package var description: String {
    switch self {
    case .number(let value):
      value == value.rounded() && value.magnitude < 1e6 ? "\(Int(value))" : "\(value)"
    case .flag(let value): "\(value)"
    case .name(let value): value
    case .extents(let values):
      "(" + values.map(String.init).joined(separator: ", ") + ")"
    case .pairs(let values):
      "(" + values.map { "(\($0[0]), \($0[1]))" }.joined(separator: ", ") + ")"
    }
  }
}

package typealias Settings = [Setting: SettingValue]

extension [Setting: SettingValue] {
  package func number(_ setting: Setting) -> Double? {
    if case .number(let value)? = self[setting] { value } else { nil }
  }
  package func isOn(_ setting: Setting) -> Bool { self[setting] == .flag(true) }
  package func name(_ setting: Setting) -> String? {
    if case .name(let value)? = self[setting] { value } else { nil }
  }
  package func extents(_ setting: Setting) -> [Int]? {
    if case .extents(let value)? = self[setting] { value } else { nil }
  }
  package func pairs(_ setting: Setting) -> [[Int]]? {
    if case .pairs(let value)? = self[setting] { value } else { nil }
  }
}

/// A tensor that a layer computes with, under one name and in one layout for all frameworks.
package enum Operand: String, Sendable, CaseIterable, Comparable {
  case kernel, bias, scale, mean, variance, table
  case inputKernel = "input_kernel"
  case recurrentKernel = "recurrent_kernel"
  case inputBias = "input_bias"
  case recurrentBias = "recurrent_bias"
  case queryKernel = "query_kernel"
  case keyKernel = "key_kernel"
  case valueKernel = "value_kernel"
  case outputKernel = "output_kernel"
  case queryBias = "query_bias"
  case keyBias = "key_bias"
  case valueBias = "value_bias"
  case outputBias = "output_bias"

  package static func < (a: Operand, b: Operand) -> Bool { a.rawValue < b.rawValue }

  /// Whether it is added: where it is absent, zeros say the same.
  package var isBias: Bool { rawValue.hasSuffix("bias") }
}

package typealias Operands = [Operand: Tensor<Double>]
