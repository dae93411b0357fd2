import CheckpointCore

/// The largest or the mean element of every window.
struct PoolingDefinition: LayerDefinition {
  let id = "pooling"
  let title = "pooling"

  func hasChannelsFirst(_ facts: LayerFacts) -> Bool? { facts.hasChannelsFirst }

  func describes(_ facts: LayerFacts) -> Bool { kind(facts) != nil }

  private func kind(_ facts: LayerFacts) -> String? {
    let names = facts.classNames
    if names.contains(where: { $0.hasPrefix("MaxPool") }) { return "max" }
    return names.contains { $0.hasPrefix("AvgPool") || $0.hasPrefix("AveragePooling") }
      ? "mean" : nil
  }

  private func rank(_ facts: LayerFacts) -> Int? {
    facts.classNames.lazy.compactMap { name in
      name.last { $0.isNumber }?.wholeNumberValue
        ?? name.dropLast().last { $0.isNumber }?.wholeNumberValue
    }.first
  }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    guard let rank = rank(facts), let kind = kind(facts), inputs.first?.shape.count == rank + 2,
      let window = facts.extents("kernel_size", "pool_size", count: rank)
    else { return nil }
    let stride = facts.extents("stride", "strides", count: rank) ?? window
    let padding = facts.extents("padding", count: rank) ?? [Int](repeating: 0, count: rank)
    return [
      .activation: .name(kind), .window: .extents(window), .stride: .extents(stride),
      .padding: .pairs(padding.map { [$0, $0] }),
      .counting: .flag(facts.flag("count_include_pad") ?? true),
    ]
  }

  func layout(_ tensor: Tensor<Double>, _ facts: LayerFacts) -> Tensor<Double> {
    ImageLayout.canonical(tensor, facts, rank: (rank(facts) ?? 0) + 2)
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard let x = inputs.first, let window = settings.extents(.window),
      let stride = settings.extents(.stride), let padding = settings.pairs(.padding)
    else { return nil }
    return x.pooled(
      isMaximum: settings.name(.activation) == "max", window: window, stride: stride,
      padding: padding, countsPadding: settings.isOn(.counting))
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    [
      .activation: [.name("max"), .name("mean")],
      .counting: [.flag(!settings.isOn(.counting))],
    ]
  }
}

extension Tensor<Double> {
  /// (items, …, channels) → the same, pooled; `nil` where the shapes do not fit.
  package func pooled(
    isMaximum: Bool, window: [Int], stride: [Int], padding: [[Int]], countsPadding: Bool
  ) -> Tensor? {
    let rank = window.count
    guard shape.count == rank + 2, stride.count == rank, padding.count == rank,
      stride.allSatisfy({ $0 > 0 }), padding.allSatisfy({ $0.count == 2 })
    else { return nil }
    let extents = Array(shape[1...rank])
    let outputs = (0..<rank).map { axis -> Int in
      let padded = extents[axis] + padding[axis][0] + padding[axis][1]
      return (padded - window[axis]) / stride[axis] + 1
    }
    guard outputs.allSatisfy({ $0 > 0 }) else { return nil }
    var result = Tensor(zeros: [shape[0]] + outputs + [width])
    let (pixels, taps) = (outputs.reduce(1, *), window.reduce(1, *))
    for index in 0..<shape[0] * pixels {
      let (item, pixel) = index.quotientAndRemainder(dividingBy: pixels)
      let position = Windows.place(pixel, outputs)
      var pool = [Double](repeating: isMaximum ? -.infinity : 0, count: width)
      var count = 0.0
      for tap in 0..<taps {
        let offset = Windows.place(tap, window)
        var source = item
        var isInside = true
        for axis in 0..<rank {
          let at = position[axis] * stride[axis] + offset[axis] - padding[axis][0]
          if at < 0 || at >= extents[axis] { isInside = false }
          source = source * extents[axis] + at
        }
        guard isInside else { continue }
        count += 1
        for channel in 0..<width {
          let value = values[source * width + channel]
          pool[channel] = isMaximum ? Swift.max(pool[channel], value) : pool[channel] + value
        }
      }
      let divisor = isMaximum ? 1 : countsPadding ? Double(taps) : Swift.max(1, count)
      for channel in 0..<width { result.values[index * width + channel] = pool[channel] / divisor }
    }
    return result
  }
}
