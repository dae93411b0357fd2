import ReferenceLayers

/// A tensor that both runs have, from which what follows may have been made: the input or output of a
/// call that was compared, a part of one, a parameter that no layer owns. The converted one is in the
/// source's layout.
final class Origin {
  /// For a person: the call's path, with what of it this is.
  let title: String
  let shape: [Int]
  let kind: Kind
  private let load: (RunSide) -> Tensor<Float>?
  private var samples: [RunSide: [Float]]
  private var activated: [RunSide: [String: [Float]]] = [:]
  private var derivations: [Derivation: Origin] = [:]

  private struct Derivation: Hashable {
    let title: String
    let shape: [Int]
  }

  enum Kind: Equatable {
    case activation
    /// What came out of an embedding, which models scale.
    case embedding
    /// A parameter of no layer, broadcast.
    case parameter
    /// A part of the origin with this title.
    case part(of: String)
    /// One place, or the mean, of an axis of the origin with this title.
    case reduction(of: String)
    /// An image of more pixels.
    case resizing(Resizing)
  }

  /// - Parameter samples: of both sides, where they are known, at `Samples.places`.
  init(
    _ title: String, _ shape: [Int], _ kind: Kind, samples: [RunSide: [Float]] = [:],
    load: @escaping (RunSide) -> Tensor<Float>?
  ) {
    (self.title, self.shape, self.kind, self.samples) = (title, shape, kind, samples)
    self.load = load
  }

  var count: Int { shape.reduce(1, *) }

  /// - Returns: `nil` where it could not be read.
  func values(_ side: RunSide) -> Tensor<Float>? { load(side)?.reshaped(shape) }

  /// A few of its elements.
  func samples(_ side: RunSide) -> [Float] {
    if let known = samples[side] { return known }
    let found = load(side).map { Samples.of($0.values) } ?? []
    samples[side] = found
    return found
  }

  /// A few of what an activation makes of its elements.
  func samples(_ side: RunSide, under activation: Activation) -> [Float] {
    guard activation.name != "identity" else { return samples(side) }
    if let known = activated[side]?[activation.name] { return known }
    let found = samples(side).map { Float(activation.value(Double($0))) }
    activated[side, default: [:]][activation.name] = found
    return found
  }

  /// What a function makes of this, as an origin of its own; the same one for the same title and shape.
  func derived(
    _ title: String, _ shape: [Int], _ kind: Kind,
    _ function: @escaping (Tensor<Float>) -> Tensor<Float>
  ) -> Origin {
    let key = Derivation(title: title, shape: shape)
    if let known = derivations[key] { return known }
    let load = load
    let own = self.shape
    let made = Origin(title, shape, kind) { side in load(side).map { function($0.reshaped(own)) } }
    derivations[key] = made
    return made
  }
}

/// The elements of a tensor by which it is looked for: functions of single elements give the same of
/// these as of all, so that few tensors need to be read.
enum Samples {
  private static let most = 256

  static func of(_ values: [Float]) -> [Float] {
    guard values.count > most else { return values }
    let step = Double(values.count) / Double(most)
    // Not in even steps: those would be always the same channels.
    return (0..<most).map { index in
      values[min(values.count - 1, Int((Double(index) + Double(index * 7919 % 101) / 101) * step))]
    }
  }
}
