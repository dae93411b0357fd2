import CheckpointMapping
import ReferenceLayers

/// A parameter that no known layer owns, such as positions, a class token or the scale of a branch: of
/// both models, where both have one of its size.
struct FreeParameter {
  let title: String
  let source: Tensor<Float>
  /// In the source's shape.
  let converted: Tensor<Float>

  /// Whether it is the table of an embedding, which models also multiply by.
  let isEmbedding: Bool

  /// Rows that tables have before the first position, as some models leave them.
  private static let offsets = 0...2

  /// As tensors of a shape: spread over the axes that it lacks, and of a table as many rows as needed.
  func origins(for shape: [Int]) -> [Origin] {
    if let spread = Self.spread(source.shape, over: shape) {
      return [origin(title, shape) { Self.spread($0, spread, over: shape) }]
    }
    let table = source.shape.filter { $0 > 1 }
    guard table.count == 2, shape.count >= 2, table[1] == shape[shape.count - 1],
      table[0] > shape[shape.count - 2]
    else { return [] }
    let rows = shape[shape.count - 2]
    return Self.offsets.filter { $0 + rows <= table[0] }.map { start in
      origin("\(title) from row \(start) on", shape) {
        let cut = Array($0.values[start * table[1]..<(start + rows) * table[1]])
        return Self.spread(Tensor([rows, table[1]], cut), [rows, table[1]], over: shape)
      }
    }
  }

  /// As it is.
  var origin: Origin { origin(title, source.shape) { $0 } }

  private func origin(
    _ title: String, _ shape: [Int], _ function: @escaping (Tensor<Float>) -> Tensor<Float>
  ) -> Origin {
    Origin(title, shape, isEmbedding ? .embedding : .parameter) { side in
      function(side == .source ? source : converted)
    }
  }

  /// The parameter's extents along the axes of a shape, 1 where it is the same; `nil` where it does
  /// not go with it.
  private static func spread(_ own: [Int], over shape: [Int]) -> [Int]? {
    let squeezed = Array(own.drop { $0 == 1 })
    guard !squeezed.isEmpty, squeezed.count <= shape.count else { return nil }
    let suffix = shape.suffix(squeezed.count)
    return zip(squeezed, suffix).allSatisfy { $0 == $1 || $0 == 1 } ? squeezed : nil
  }

  private static func spread(
    _ x: Tensor<Float>, _ own: [Int], over shape: [Int]
  ) -> Tensor<Float> {
    x.reshaped([Int](repeating: 1, count: shape.count - own.count) + own).spread(over: shape)
  }
}

extension FreeParameter {
  /// Those of two recordings whose checkpoints are at hand.
  static func all(
    _ recordings: (source: Recording, converted: Recording),
    _ weights: (source: ModelWeights?, converted: ModelWeights?)
  ) -> [FreeParameter] {
    guard let theirs = weights.source, let ours = weights.converted else { return [] }
    var free = places(recordings.converted)
    return places(recordings.source).compactMap { place in
      let words = PathWords(place.title)
      let alike = free.indices.filter { free[$0].shape == place.shape }
      guard
        let best = alike.max(by: {
          words.likeness(PathWords(free[$0].title)) < words.likeness(PathWords(free[$1].title))
        }),
        let x = theirs.reader(for: place.call)(place.name),
        let y = ours.reader(for: free[best].call)(free[best].name),
        x.values.count == y.values.count
      else { return nil }
      free.remove(at: best)
      return FreeParameter(
        title: place.title, source: Tensor(x.shape, x.values.map { Float($0) }),
        converted: Tensor(x.shape, y.values.map { Float($0) }),
        isEmbedding: place.call.definition != nil)
    }
  }

  private struct Place {
    let call: RecordedCall
    let name: String
    /// Without the axes of one place.
    let shape: [Int]

    var title: String { call.path.isEmpty ? name : "\(call.path)/\(name)" }
  }

  /// In the order of the first calls of their modules.
  private static func places(_ recording: Recording) -> [Place] {
    recording.calls.filter {
      ($0.definition == nil || $0.definition?.id == "embedding") && $0.number == 0
        && $0.method == nil
    }
    .flatMap { call in
      call.facts.parameters.sorted { $0.key < $1.key }.map {
        Place(call: call, name: $0.key, shape: $0.value.filter { $0 > 1 })
      }
    }
  }
}
