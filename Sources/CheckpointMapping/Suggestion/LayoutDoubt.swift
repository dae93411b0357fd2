import CheckpointCore

/// What the shapes of two tensors leave open about their layout.
enum LayoutDoubt {
  /// - Parameter others: layouts of other recipes that fit the same tensors.
  static func question(
    _ layout: NamedLayout, _ others: [NamedLayout], stack: Int?, sources: [TensorInfo],
    target: TensorInfo
  ) -> DraftRule.Question? {
    var different: [NamedLayout] = []
    guard let own = way(layout, sources, target, stack) else { return nil }
    var ways = [own]
    for other in others {
      guard let way = way(other, sources, target, stack), !ways.contains(way),
        isPlausible(other, target)
      else { continue }
      ways.append(way)
      different.append(other)
    }
    guard !different.isEmpty else { return nil }
    let texts = ([layout] + different).map { text($0) }
    return .init(
      text: "a source of shape \(sources[0].shape) fits \(texts.joined(separator: " and ")): "
        + "which is it?",
      alternatives: different.map { .object($0.stacked(at: stack).documentMembers) })
  }

  private static func text(_ layout: NamedLayout) -> String {
    layout.name.isEmpty ? layout.layout.description : "\(layout.name) (\(layout.layout))"
  }

  /// What a layout does with these tensors.
  private static func way(
    _ layout: NamedLayout, _ sources: [TensorInfo], _ target: TensorInfo, _ stack: Int?
  ) -> [Rearrangement.Piece]? {
    LayoutBinding.literal(
      layout.stacked(at: stack).layout, sources: sources.map(\.shape), targets: [target.shape]
    )?.forward()?.pieces
  }

  /// Words of modules that a transposed convolution may stand in.
  private static let upward: Set<String> = [
    "dec", "decoder", "upsample", "generator", "gen", "expand",
  ]
  /// Words that say it.
  private static let transposed: Set<String> = [
    "up", "deconv", "transpose", "transposed", "convtranspose", "upconv",
  ]

  /// Whether a name says that its kernel is a transposed convolution's.
  static func speaksOfTransposing(_ name: TensorName) -> Bool { speaks(name, of: transposed) }

  private static func speaks(_ name: TensorName, of words: Set<String>) -> Bool {
    NameParts.split(name).contains { component in
      NameParts.words(component).words.contains(where: words.contains)
    }
  }

  /// A square kernel of a convolution might be a transposed one's: where its module could be.
  private static func isPlausible(_ layout: NamedLayout, _ target: TensorInfo) -> Bool {
    layout.layout.flip.isEmpty || speaks(target.name, of: upward.union(transposed))
  }
}
