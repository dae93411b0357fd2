package import CheckpointCore

/// What a framework says of a module that was called.
package struct LayerFacts: Sendable {
  package enum Framework: String, Sendable {
    case torch
    case linen = "flax.linen"
    case nnx = "flax.nnx"
    case keras
    /// Arrays under names, of no framework.
    case plain

    /// Whether images have their channels last, and kernels their outputs.
    package var isChannelsLast: Bool { self != .torch }
    package var isFlax: Bool { self == .linen || self == .nnx }
  }

  package let framework: Framework
  /// The module's class, then the framework's own ones it derives from.
  package let classNames: [String]
  /// What the module was built with, and the plain values of the call.
  package let attributes: [String: JSONValue]
  /// The module's own parameters and buffers with their shapes.
  package let parameters: [String: [Int]]

  package init(
    framework: Framework, classNames: [String], attributes: [String: JSONValue],
    parameters: [String: [Int]]
  ) {
    self.framework = framework
    self.classNames = classNames
    self.attributes = attributes
    self.parameters = parameters
  }

  /// The first of these attributes that is a number.
  package func number(_ names: String...) -> Double? {
    for name in names {
      switch attributes[name] {
      case .int(let value): return Double(value)
      case .double(let value): return value
      default: continue
      }
    }
    return nil
  }

  /// The first of these attributes that is true or false.
  package func flag(_ names: String...) -> Bool? {
    for name in names { if case .bool(let value)? = attributes[name] { return value } }
    return nil
  }

  /// The first of these attributes that is a text.
  package func text(_ names: String...) -> String? {
    for name in names { if case .string(let value)? = attributes[name] { return value } }
    return nil
  }

  /// The first of these attributes that is a whole number for every axis, or one for all.
  package func extents(_ names: String..., count: Int) -> [Int]? {
    for name in names {
      switch attributes[name] {
      case .int(let value): return [Int](repeating: value, count: count)
      case .array(let items):
        let values = items.compactMap { if case .int(let value) = $0 { value } else { nil } }
        if values.count == items.count, values.count == count { return values }
        if values.count == items.count, values.count == 1 {
          return [Int](repeating: values[0], count: count)
        }
      default: continue
      }
    }
    return nil
  }

  /// Whether the module's images have their channels before the pixels.
  package var hasChannelsFirst: Bool {
    framework == .torch || text("data_format") == "channels_first"
  }

  /// Whether the call was part of training: dropout at work, norms by the batch's statistics.
  package var isTraining: Bool {
    if let running = flag("use_running_average") { return !running }
    if let deterministic = flag("deterministic") { return !deterministic }
    return flag("training", "train") ?? false
  }
}
