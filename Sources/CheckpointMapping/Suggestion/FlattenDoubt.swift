import CheckpointCore

/// A dense layer behind a flatten: Flax and Keras flatten (y, x, c), PyTorch (c, y, x), and the shape
/// of the kernel is the same.
struct FlattenDoubt {
  private let side: DraftSide
  private let applies: Bool
  /// The output channels of convolutions, the last convolution's first.
  private let channelCounts: [Int]
  /// How many tensors give so many features.
  private let widths: [Int: Int]
  private let index: [TensorName: Int]

  /// - Parameter side: the source's.
  init(_ side: DraftSide) {
    self.side = side
    applies = side.world == "flax" || side.world == "keras"
    var counts: [Int] = []
    var widths: [Int: Int] = [:]
    for (tensor, path) in zip(side.tensors, side.paths) {
      let extents = tensor.shape.dimensions
      guard let last = extents.last else { continue }
      if extents.count > 1 || path.last == "scale" { widths[last, default: 0] += 1 }
      let isKernel = path.last?.contains("kernel") == true || path.dropLast().last == "vars"
      // A long first extent of three is no window of a one-dimensional convolution.
      let isConvolution = extents.count == 4 || (extents.count == 3 && extents[0] < Self.window)
      guard isKernel, isConvolution else { continue }
      counts.append(Self.channels(of: extents, bias: Self.bias(beside: path, in: side)))
    }
    var seen: Set<Int> = []
    // One channel is flattened alike on both sides.
    channelCounts = counts.reversed().filter { $0 > 1 && seen.insert($0).inserted }
    self.widths = widths
    index = side.tensors.placesByName
  }

  private static let window = 16

  /// The vector of a kernel's module, where it has one.
  private static func bias(beside path: [String], in side: DraftSide) -> Int? {
    let module = path.dropLast()
    let leaf = path.last?.contains("kernel") == true ? "bias" : "1"
    let shape = side.index(module, [leaf]).map { side.tensors[$0].shape }
    return shape?.rank == 1 ? shape?.count : nil
  }

  /// What a convolution gives: as many channels as its bias has, which may be the last but one of a
  /// transposed kernel (Keras), or the product of a depthwise one with its multiplier.
  private static func channels(of kernel: [Int], bias: Int?) -> Int {
    let (input, output) = (kernel[kernel.count - 2], kernel[kernel.count - 1])
    if let bias, [input, output, input * output].contains(bias) { return bias }
    return output > 1 ? output : input
  }

  /// The rule as it is, or, where its input may be a flattened image, with the question which.
  func checked(_ rule: DraftRule) -> DraftRule {
    guard applies, !channelCounts.isEmpty, rule.question == nil || rule.evidence != .values,
      case .tensors(let sources, let layout) = rule.content, sources.count == 1,
      layout.layout.at.isEmpty, layout.layout.formula.description == "i o -> o i",
      let tensor = index[sources[0]].map({ side.tensors[$0] }), tensor.shape.rank == 2
    else { return rule }
    let width = tensor.shape.dimensions[0]
    let channels = channelCounts.filter { width % $0 == 0 && width / $0 > 1 }
    let own = tensor.shape.dimensions[1] == width ? 1 : 0
    // Where some other layer gives this many features, they are its.
    guard !channels.isEmpty, (widths[width] ?? 0) <= own else { return rule }
    var layouts: [NamedLayout] = []
    for count in channels {
      let places = width / count
      let root = Int(Double(places).squareRoot().rounded())
      let sides =
        root * root == places
        ? [(root, root)]
        : Self.divisors(places).map { ($0, places / $0) }.filter { $0.0 > 1 && $0.1 > 1 }
      for (height, width) in sides.prefix(4) {
        layouts.append(
          NamedLayout(
            layout: Layout(
              Self.flattened,
              sizes: ["y": .number(height), "x": .number(width), "c": .number(count)])))
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

  private static func divisors(_ number: Int) -> [Int] {
    (1...max(1, number)).filter { number % $0 == 0 }
  }
}
