import CheckpointCore
import ReferenceLayers

/// A tensor of a call beside its counterpart.
struct ComparedTensor {
  let source: RecordedTensor
  let converted: RecordedTensor
  /// How the converted one lies in the source's layout; `nil` where no layout gives its shape.
  let alignment: TensorAlignment?
  let difference: Difference
  let isWithin: Bool
  /// A few elements of both, in the source's layout.
  let samples: (source: [Float], converted: [Float])

  /// Whether these are labels that differ in few places: where two classes are as likely as one another,
  /// rounding decides.
  var isTie: Bool {
    source.tensor.dtype.isInteger && converted.tensor.dtype.isInteger
      && difference.share <= RecordingTolerance.ties
  }
}

/// Compares the tensors of calls, and keeps what was learned of layouts and of rounding.
struct CallComparison {
  let values: RecordedValues
  let tolerance: RecordingTolerance

  private var aligner = Aligner()
  private(set) var layouts: [String: Int] = [:]
  /// The largest difference of tensors that agree, as a part of their scale.
  private var noise = 0.0

  init(_ values: RecordedValues, tolerance: RecordingTolerance) {
    self.values = values
    self.tolerance = tolerance
  }

  struct Result {
    var tensors: [ComparedTensor] = []
    /// Whether every tensor has its counterpart.
    var isComplete = true

    var isWithin: Bool { tensors.allSatisfy(\.isWithin) }
    private var worst: Difference? {
      tensors.map(\.difference).max { a, b in b.relative.isNaN || a.relative < b.relative }
    }
    var relative: Double { worst?.relative ?? 0 }
    var maximum: Double { worst?.maximum ?? 0 }
  }

  /// - Parameters:
  ///   - keepsLast: whether no layout exchanges the last axis.
  ///   - layout: where the kind of layer says where channels lie, for what goes in first and comes out
  ///     first.
  mutating func compare(
    _ a: [RecordedTensor], _ b: [RecordedTensor], keepsLast: Bool = false,
    layout: ChannelLayout? = nil
  ) throws -> Result {
    var result = Result()
    for (place, (source, converted)) in TensorPairs.pair(a, b).enumerated() {
      guard let converted,
        let tensor = try compare(source, converted, keepsLast, place == 0 ? layout : nil)
      else {
        result.isComplete = false
        continue
      }
      result.tensors.append(tensor)
    }
    return result
  }

  /// - Returns: `nil` where the two have other sizes.
  private mutating func compare(
    _ source: RecordedTensor, _ converted: RecordedTensor, _ keepsLast: Bool,
    _ layout: ChannelLayout?
  ) throws -> ComparedTensor? {
    let reference = try values.floats(source, .source)
    let other = try values.floats(converted, .converted)
    guard let aligned = aligner.align(other, to: reference, keepsLast: keepsLast, layout: layout)
    else {
      guard other.values.count == reference.values.count else { return nil }
      // Axes that are no exchange of the source's.
      let difference = Difference(other.values, reference: reference.values)
      return ComparedTensor(
        source: source, converted: converted, alignment: nil, difference: difference,
        isWithin: false, samples: ([], []))
    }
    if !aligned.alignment.isPlain {
      layouts[aligned.alignment.description, default: 0] += 1
    }
    let isWithin = tolerance.admits(aligned.difference)
    if isWithin { noise = max(noise, aligned.difference.relative) }
    return ComparedTensor(
      source: source, converted: converted, alignment: aligned.alignment,
      difference: aligned.difference, isWithin: isWithin,
      samples: (Samples.of(reference.values), Samples.of(aligned.tensor.values)))
  }

  /// Whether a difference is more than functions amplify of the rounding before it.
  func isBeyondNoise(_ tensor: ComparedTensor) -> Bool {
    !(tensor.difference.relative <= RecordingTolerance.amplification * noise)
  }
}

/// Which tensor of a call is which of its counterpart's.
enum TensorPairs {
  /// By name where both have it, else in order among those of as many elements, and at last the only
  /// one that is left of each, around which one side may have put zeros; a recurrent layer's states
  /// among themselves.
  static func pair(
    _ a: [RecordedTensor], _ b: [RecordedTensor]
  ) -> [(RecordedTensor, RecordedTensor?)] {
    func count(_ tensor: RecordedTensor) -> Int { tensor.tensor.shape.count }
    var free = b
    func take(_ matches: (RecordedTensor) -> Bool) -> RecordedTensor? {
      free.firstIndex(where: matches).map { free.remove(at: $0) }
    }
    let named = a.map { tensor in
      take { $0.name == tensor.name && count($0) == count(tensor) }
    }
    var pairs = zip(a, named).map { tensor, found in
      let isState = RecurrentState.isName(tensor.name)
      return (
        tensor,
        found
          ?? take { count($0) == count(tensor) && RecurrentState.isName($0.name) == isState }
      )
    }
    if let alone = pairs.indices.first(where: { pairs[$0].1 == nil }), free.count == 1,
      pairs.count(where: { $0.1 == nil }) == 1,
      pairs[alone].0.tensor.shape.dimensions.count == free[0].tensor.shape.dimensions.count
    {
      pairs[alone].1 = free[0]
    }
    return pairs
  }
}
