import CheckpointCore
import ReferenceLayers

/// Tells alike layers of one input apart, such as queries, keys and values, where names and order do not:
/// by what they returned, whatever its layout.
struct SiblingPairs {
  let recordings: (source: Recording, converted: Recording)

  /// - Returns: the pairs, in their order, with counterparts exchanged among siblings.
  func settled(_ pairs: [CallPairing.Pair]) throws -> [CallPairing.Pair] {
    var result = pairs
    let siblings = Dictionary(grouping: pairs.indices) { place in Family(pairs[place].source) }
    for (family, places) in siblings where family != nil && places.count > 1 {
      if places.allSatisfy({ isSaidByName(pairs[$0]) }) { continue }
      let found = try assigned(places.map { pairs[$0] })
      for (place, converted) in zip(places, found) {
        result[place] = CallPairing.Pair(source: pairs[place].source, converted: converted)
      }
    }
    return result
  }

  /// What siblings have in common: the tensor that goes in, the kind of layer, its size.
  private struct Family: Hashable {
    let input: TensorName
    let kind: String
    let sizes: [Int]

    init?(_ call: RecordedCall) {
      guard let input = call.inputs.first?.tensor.name, let definition = call.definition else {
        return nil
      }
      self.input = input
      kind = definition.id
      sizes = call.facts.parameters.values.map { $0.reduce(1, *) }.sorted()
    }
  }

  private func isSaidByName(_ pair: CallPairing.Pair) -> Bool {
    PathWords(pair.source.path).likeness(PathWords(pair.converted.path)) == 1
  }

  /// The converted calls of some pairs, each beside the source's that returned the same; the others
  /// stay in their order.
  private func assigned(_ pairs: [CallPairing.Pair]) throws -> [RecordedCall] {
    let theirs = try pairs.map { try Fingerprint($0.source, recordings.source) }
    let ours = try pairs.map { try Fingerprint($0.converted, recordings.converted) }
    var free = Set(pairs.indices)
    let chosen = theirs.indices.map { place -> Int? in
      let alike = ([place] + pairs.indices).first {
        free.contains($0) && theirs[place].isNear(ours[$0])
      }
      if let alike { free.remove(alike) }
      return alike
    }
    return chosen.enumerated().map { place, other in
      let index = other ?? (free.contains(place) ? place : free.min() ?? place)
      free.remove(index)
      return pairs[index].converted
    }
  }
}

/// What of a call's output no exchange of axes changes.
private struct Fingerprint {
  private let sums: [Double]

  /// Rounding of float32 moves the sums by less than this part.
  private static let near = 1e-4

  init(_ call: RecordedCall, _ recording: Recording) throws {
    guard let output = call.outputs.first else {
      sums = []
      return
    }
    let values = try recording.floats(output).values
    sums = [
      values.reduce(0) { $0 + Double($1.magnitude) },
      values.reduce(0) { $0 + Double($1) * Double($1) },
      values.reduce(0) { max($0, Double($1)) },
    ]
  }

  func isNear(_ other: Fingerprint) -> Bool {
    !sums.isEmpty
      && zip(sums, other.sums).allSatisfy { ($0 - $1).magnitude <= Self.near * $0.magnitude }
  }
}
