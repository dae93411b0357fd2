import CheckpointCore

/// A transposed convolution in any number of dimensions: every input pixel lays the kernel down,
///
///     full[n, s·p + d·a, o] += x[n, p, i] · kernel[a, i, o]
///     y = full[crop ..< crop + extent] + bias
///
/// PyTorch's `padding` crops as many pixels before, and `output_padding` gives more after; SAME ones
/// of jax.lax and Keras give stride·n pixels, which begin at different places for odd remainders.
struct TransposedConvolutionDefinition: LayerDefinition {
  let id = "transposed_convolution"
  let title = "transposed convolution"

  func hasChannelsFirst(_ facts: LayerFacts) -> Bool? { facts.hasChannelsFirst }

  func describes(_ facts: LayerFacts) -> Bool {
    facts.isNamed([
      "ConvTranspose", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "Conv1DTranspose",
      "Conv2DTranspose", "Conv3DTranspose",
    ]) && (facts.parameters["weight"] ?? facts.parameters["kernel"])?.count ?? 0 >= 3
  }

  func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands? {
    guard let weight = read("weight") ?? read("kernel") else { return nil }
    let rank = weight.shape.count - 2
    var operands: Operands = [:]
    switch facts.framework {
    case .torch: operands[.kernel] = weight.permuted(Array(2..<rank + 2) + [0, 1])
    case .keras: operands[.kernel] = weight.transposed
    default:
      // jax.lax.conv_transpose slides the kernel: seen from an input pixel it is turned by half a
      // turn, and with transpose_kernel it is PyTorch's with the channels exchanged.
      operands[.kernel] =
        facts.flag("transpose_kernel") == true ? weight.transposed : weight.flipped(0..<rank)
    }
    if let bias = read("bias") { operands[.bias] = bias.reshaped([bias.values.count]) }
    return operands
  }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    guard
      let (kernel, x, rank, stride, dilation) = ConvolutionDefinition.geometry(
        facts, operands, inputs)
    else { return nil }
    let places = (0..<rank).map { axis in
      place(
        facts, axis, rank, n: x.shape[axis + 1],
        reach: (kernel.shape[axis] - 1) * dilation[axis] + 1,
        stride: stride[axis])
    }
    guard places.allSatisfy({ $0 != nil }) else { return nil }
    return [
      .stride: .extents(stride), .dilation: .extents(dilation),
      .crop: .pairs(places.map { $0 ?? [] }),
      .groups: .number(facts.number("groups") ?? 1), .kernelFlipped: .flag(false),
    ]
  }

  /// Along one axis, the pixels that are left out before the output, and its extent.
  private func place(
    _ facts: LayerFacts, _ axis: Int, _ rank: Int, n: Int, reach: Int, stride: Int
  ) -> [Int]? {
    if facts.framework == .torch {
      let padding = facts.extents("padding", count: rank)?[axis] ?? 0
      let more = facts.extents("output_padding", count: rank)?[axis] ?? 0
      return [padding, (n - 1) * stride - 2 * padding + reach + more]
    }
    // Flax pads for the same extent by default, Keras not at all.
    let unsaid = facts.framework == .keras ? "VALID" : "SAME"
    let padding = facts.attributes["padding"] == nil ? unsaid : facts.text("padding")?.uppercased()
    switch padding {
    case "SAME":
      let crop =
        facts.framework == .keras
        ? max(0, reach - stride) / 2 : FlaxConventions.crop(kernel: reach, stride: stride)
      return [crop, n * stride]
    case "VALID": return [0, (n - 1) * stride + max(reach, stride)]
    default: return nil
    }
  }

  func layout(_ tensor: Tensor<Double>, _ facts: LayerFacts) -> Tensor<Double> {
    ConvolutionDefinition().layout(tensor, facts)
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard let x = inputs.first, var kernel = operands[.kernel],
      let stride = settings.extents(.stride), let dilation = settings.extents(.dilation),
      let places = settings.pairs(.crop), settings.number(.groups) == 1
    else { return nil }
    let rank = kernel.shape.count - 2
    guard x.shape.count == rank + 2, x.width == kernel.shape[rank],
      places.allSatisfy({ $0.count == 2 && $0[1] > 0 })
    else { return nil }
    if settings.isOn(.kernelFlipped) { kernel = kernel.flipped(0..<rank) }
    return scatter(x, kernel, stride: stride, dilation: dilation, places: places)
      .shifted(operands[.bias])
  }

  private func scatter(
    _ x: Tensor<Double>, _ kernel: Tensor<Double>, stride: [Int], dilation: [Int], places: [[Int]]
  ) -> Tensor<Double> {
    let rank = stride.count
    let (inputs, width) = (kernel.shape[rank], kernel.width)
    let extents = Array(x.shape[1...rank])
    let outputs = places.map { $0[1] }
    let pixels = extents.reduce(1, *)
    var result = Tensor<Double>(zeros: [x.shape[0]] + outputs + [width])
    let rows = x.reshaped([x.shape[0] * pixels, inputs])
    for tap in 0..<kernel.shape[..<rank].reduce(1, *) {
      let offset = Windows.place(tap, Array(kernel.shape[..<rank]))
      let start = tap * inputs * width
      let products = rows.times(
        Tensor([inputs, width], Array(kernel.values[start..<start + inputs * width])))
      for row in 0..<rows.rows {
        let (item, pixel) = row.quotientAndRemainder(dividingBy: pixels)
        let position = Windows.place(pixel, extents)
        var target = item
        var isInside = true
        for axis in 0..<rank {
          let at = position[axis] * stride[axis] + offset[axis] * dilation[axis] - places[axis][0]
          if at < 0 || at >= outputs[axis] { isInside = false }
          target = target * outputs[axis] + at
        }
        guard isInside else { continue }
        for channel in 0..<width {
          result.values[target * width + channel] += products.values[row * width + channel]
        }
      }
    }
    return result
  }

  func trimmed(
    _ output: Tensor<Double>, _ settings: Settings, to shape: [Int]
  ) -> (output: Tensor<Double>, settings: Settings)? {
    guard output.shape.count == shape.count, output.width == shape.last,
      var places = settings.pairs(.crop), zip(output.shape, shape).allSatisfy({ $0 >= $1 })
    else { return nil }
    var y = output
    for axis in places.indices {
      while y.shape[axis + 1] > shape[axis + 1] { y = y.withoutEnd(axis: axis + 1, .last) }
      places[axis][1] = y.shape[axis + 1]
    }
    var changed = settings
    changed[.crop] = .pairs(places)
    return (y, changed)
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    guard let places = settings.pairs(.crop), let kernel = operands[.kernel] else { return [:] }
    let most = kernel.shape.first ?? 1
    return [
      .crop: (0..<most).map { crop in .pairs(places.map { [crop, $0[1]] }) },
      .kernelFlipped: [.flag(true)],
      .dilation: (1...3).map { .extents([Int](repeating: $0, count: places.count)) },
    ]
  }
}
