import CheckpointCore

/// How frameworks say what surrounds an image before a kernel slides over it.
enum Padding {
  /// As many outputs as ceil(n / stride), the larger half after the image, or before it.
  case same(largerLast: Bool)
  case valid
  /// Zeros before alone, so that no output sees what comes later.
  case causal
  /// For every axis, before and after.
  case amounts([[Int]])

  /// - Returns: `nil` where the module pads with other than zeros, or says it in another way.
  init?(_ facts: LayerFacts, rank: Int) {
    if let name = facts.text("padding")?.uppercased() {
      switch name {
      case "SAME": self = .same(largerLast: true)
      case "VALID": self = .valid
      case "CAUSAL": self = .causal
      case "CIRCULAR", "REFLECT": self = .same(largerLast: true)
      default: return nil
      }
    } else if let both = facts.extents("padding", count: rank) {
      self = .amounts(both.map { [$0, $0] })
    } else if case .array(let items)? = facts.attributes["padding"], items.count == rank {
      let pairs = items.map { item -> [Int] in
        guard case .array(let pair) = item else {
          if case .int(let value) = item { return [value, value] }
          return []
        }
        return pair.compactMap { if case .int(let value) = $0 { value } else { nil } }
      }
      guard pairs.allSatisfy({ $0.count == 2 }) else { return nil }
      self = .amounts(pairs)
    } else {
      // Flax pads for the same extent by default, PyTorch and Keras not at all.
      switch facts.framework {
      case .linen, .nnx: self = .same(largerLast: true)
      default: self = .valid
      }
    }
  }

  /// Zeros before and after along every axis; `nil` where the extents do not belong together.
  func amounts(
    _ extents: ArraySlice<Int>, _ kernel: ArraySlice<Int>, _ stride: [Int], _ dilation: [Int]
  ) -> [[Int]]? {
    if case .amounts(let pairs) = self { return pairs }
    guard extents.count == kernel.count, stride.count == kernel.count,
      stride.allSatisfy({ $0 > 0 }), dilation.allSatisfy({ $0 > 0 })
    else { return nil }
    return stride.indices.map { axis in
      let n = extents[extents.startIndex + axis]
      let reach = (kernel[kernel.startIndex + axis] - 1) * dilation[axis] + 1
      switch self {
      case .same(let largerLast):
        let outputs = (n + stride[axis] - 1) / stride[axis]
        let total = max(0, (outputs - 1) * stride[axis] + reach - n)
        let small = total / 2
        return largerLast ? [small, total - small] : [total - small, small]
      case .causal: return [reach - 1, 0]
      default: return [0, 0]
      }
    }
  }

  /// The paddings that modules are built with for a kernel of these extents.
  static func known(rank: Int, kernel: ArraySlice<Int>) -> [Padding] {
    let halves = kernel.map { [$0 / 2, $0 / 2] }
    let lower = kernel.map { [($0 - 1) / 2, ($0 - 1) / 2] }
    let even = (0...3).map { Padding.amounts([[Int]](repeating: [$0, $0], count: rank)) }
    let uneven = [[0, 1], [1, 0], [1, 2], [2, 1]].map {
      Padding.amounts([[Int]](repeating: $0, count: rank))
    }
    return [.same(largerLast: true), .same(largerLast: false), .valid, .causal, .amounts(halves)]
      + [.amounts(lower)] + even + uneven
  }
}

/// What surrounds an image before a kernel slides over it.
enum PaddingMode: String, CaseIterable {
  case zeros, reflect, replicate, circular

  init?(named name: String) { self.init(rawValue: name) }

  /// By a module's attributes; `nil` where it pads with something else.
  init?(_ facts: LayerFacts) {
    switch facts.text("padding")?.uppercased() {
    case "CIRCULAR": self = .circular
    case "REFLECT": self = .reflect
    default: self.init(named: facts.text("padding_mode") ?? "zeros")
    }
  }

  /// The place in an axis of `extent` that one beyond it stands for; `nil` for a zero.
  func place(_ at: Int, extent: Int) -> Int? {
    if (0..<extent).contains(at) { return at }
    let place: Int
    switch self {
    case .zeros: return nil
    case .reflect: place = at < 0 ? -at : 2 * (extent - 1) - at
    case .replicate: place = min(max(at, 0), extent - 1)
    case .circular: place = (at % extent + extent) % extent
    }
    return (0..<extent).contains(place) ? place : nil
  }
}
