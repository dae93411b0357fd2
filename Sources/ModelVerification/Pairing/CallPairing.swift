import ReferenceLayers

/// Which call of one recording computes what another call of the other does.
package struct CallPairing: Sendable {
  package struct Pair: Sendable {
    package let source: RecordedCall
    package let converted: RecordedCall

    /// Where the channels lie, if the kind of layer says so.
    var layout: ChannelLayout? {
      guard let a = source.definition?.hasChannelsFirst(source.facts),
        let b = converted.definition?.hasChannelsFirst(converted.facts)
      else { return nil }
      return ChannelLayout(sourceHasChannelsFirst: a, convertedHasChannelsFirst: b)
    }

    /// Whether no layout exchanges the last axis of what they return.
    var keepsFeaturesLast: Bool {
      [source, converted].allSatisfy { $0.definition?.keepsFeaturesLast($0.facts) ?? false }
    }
  }

  /// In the order of the source's execution.
  package let pairs: [Pair]
  package let unpairedSource: [RecordedCall]
  package let unpairedConverted: [RecordedCall]

  /// - Parameter owners: which modules own the same parameters; `nil` where no mapping is known.
  /// - Throws: `CheckpointError` where an output cannot be read that tells alike calls apart.
  package init(_ source: Recording, _ converted: Recording, owners: ParameterOwners?) throws {
    let (a, b) = Self.units(source, converted)
    let score = PairScore(owners: owners, a, b)
    var matched = SequenceAlignment.align(a.count, b.count) { score(a[$0], b[$1]) }
    Self.pairRest(a, b, score, &matched)
    matched.sort { $0.0 < $1.0 }
    let found = matched.map { Pair(source: a[$0.0], converted: b[$0.1]) }
    pairs = owners == nil ? try SiblingPairs(recordings: (source, converted)).settled(found) : found
    let (ofA, ofB) = (Set(matched.map(\.0)), Set(matched.map(\.1)))
    unpairedSource = a.indices.filter { !ofA.contains($0) }.map { a[$0] }
    unpairedConverted = b.indices.filter { !ofB.contains($0) }.map { b[$0] }
  }

  /// The calls that are compared: those that call no other, and layers that are one in a framework
  /// and several in another, as one where both sides have as many of them.
  private static func units(
    _ source: Recording, _ converted: Recording
  ) -> ([RecordedCall], [RecordedCall]) {
    func composites(_ recording: Recording) -> [String: Int] {
      recording.calls.reduce(into: [:]) { result, call in
        if let definition = call.definition, definition.isComposite {
          result[definition.id, default: 0] += 1
        }
      }
    }
    let (a, b) = (composites(source), composites(converted))
    let kept = Set(a.filter { b[$0.key] == $0.value }.map(\.key))
    return (units(source, kept), units(converted, kept))
  }

  private static func units(_ recording: Recording, _ composites: Set<String>) -> [RecordedCall] {
    let children = recording.children
    func isWhole(_ call: RecordedCall) -> Bool {
      call.definition.map { $0.isComposite && composites.contains($0.id) } ?? false
    }
    var inside = Set<Int>()
    for call in recording.calls {
      if let parent = call.parent,
        inside.contains(parent) || isWhole(recording.calls[parent])
      {
        inside.insert(call.index)
      }
    }
    return recording.ended.filter { call in
      !inside.contains(call.index) && (children[call.index].isEmpty || isWhole(call))
        && !call.isIdentity
    }
  }

  /// Pairs what runs in another order on the two sides, such as queries, keys and values: the best
  /// of what is left, between the same neighbours' reach.
  private static func pairRest(
    _ a: [RecordedCall], _ b: [RecordedCall], _ score: PairScore, _ matched: inout [(Int, Int)]
  ) {
    var freeA = Set(a.indices).subtracting(matched.map(\.0))
    var freeB = Set(b.indices).subtracting(matched.map(\.1))
    var candidates: [(score: Double, a: Int, b: Int)] = []
    for i in freeA {
      for j in freeB {
        if let value = score(a[i], b[j]) { candidates.append((value, i, j)) }
      }
    }
    candidates.sort { ($1.score, $0.a, $0.b) < ($0.score, $1.a, $1.b) }
    for candidate in candidates where freeA.contains(candidate.a) && freeB.contains(candidate.b) {
      matched.append((candidate.a, candidate.b))
      freeA.remove(candidate.a)
      freeB.remove(candidate.b)
    }
  }
}
