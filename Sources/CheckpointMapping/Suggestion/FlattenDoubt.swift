import CheckpointCore

/// A dense layer behind a flatten: Flax and Keras flatten (y, x, c), PyTorch (c, y, x), and the shape
/// of the kernel is the same.
enum FlattenDoubt {
  /// The rule as it is, or, where its input may be a flattened image, with the question which.
  static func checked(
    _ rule: DraftRule, _ source: DraftSide, _ target: DraftSide
  ) -> DraftRule {
    guard rule.question == nil || rule.evidence != .values,
      case .tensors(let sources, let layout) = rule.content, sources.count == 1,
      source.world == "flax" || source.world == "keras", layout.layout.at.isEmpty,
      layout.layout.formula.description == "i o -> o i",
      let tensor = source.tensors.first(where: { $0.name == sources[0] }), tensor.shape.rank == 2
    else { return rule }
    let width = tensor.shape.dimensions[0]
    let channels = imageChannels(source, width)
    guard !channels.isEmpty, !isWidth(width, of: source, apartFrom: tensor) else { return rule }
    var layouts: [NamedLayout] = []
    for count in channels {
      let places = width / count
      let root = Int(Double(places).squareRoot().rounded())
      let sides =
        root * root == places
        ? [(root, root)]
        : divisors(places).map { ($0, places / $0) }.filter { $0.0 > 1 && $0.1 > 1 }
      for (height, width) in sides.prefix(4) {
        layouts.append(
          NamedLayout(
            layout: Layout(
              flattened, sizes: ["y": .number(height), "x": .number(width), "c": .number(count)])))
      }
    }
    guard let first = layouts.first else { return rule }
    var result = rule
    result.content = .tensors(sources: sources, layout: first)
    result.question = .init(
      text: "is the input of this layer a flattened image, whose channels PyTorch has outermost "
        + "and Flax innermost, or are its \(width) features the same on both sides?",
      alternatives: ([layout] + layouts.dropFirst()).map { .object($0.documentMembers) })
    return result
  }

  private static let flattened = LayoutFormula(
    left: [.axes(["y", "x", "c"]), .axes(["o"])], right: [.axes(["o"]), .axes(["c", "y", "x"])])

  /// The output channels of convolutions that a flattened image of `width` features may have, the
  /// last convolution's first.
  private static func imageChannels(_ side: DraftSide, _ width: Int) -> [Int] {
    var result: [Int] = []
    for (tensor, path) in zip(side.tensors, side.paths).reversed() {
      guard tensor.shape.rank == 4 || tensor.shape.rank == 3,
        let channels = tensor.shape.dimensions.last,
        path.last?.contains("kernel") == true || path.dropLast().last == "vars",
        tensor.shape.rank == 4 || tensor.shape.dimensions[0] < 16,
        channels > 0, width % channels == 0, width / channels > 1, !result.contains(channels)
      else { continue }
      result.append(channels)
    }
    return result
  }

  /// Whether some other layer gives this many features.
  private static func isWidth(_ width: Int, of side: DraftSide, apartFrom own: TensorInfo) -> Bool {
    side.tensors.contains { tensor in
      tensor.name != own.name && tensor.shape.dimensions.last == width
        && (tensor.shape.rank > 1 || tensor.name.text.hasSuffix("scale"))
    }
  }

  private static func divisors(_ number: Int) -> [Int] {
    (1...max(1, number)).filter { number % $0 == 0 && $0 * $0 <= number * number }
  }
}
