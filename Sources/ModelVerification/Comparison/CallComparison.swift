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
}

/// Compares the tensors of calls, and keeps what was learned of layouts and of rounding.
struct CallComparison {
  let recordings: (source: Recording, converted: Recording)
  let tolerance: RecordingTolerance

  private var aligner = Aligner()
  private(set) var layouts: [String: Int] = [:]
  /// The largest difference of tensors that agree, as a part of their scale.
  private var noise = 0.0

  init(recordings: (source: Recording, converted: Recording), tolerance: RecordingTolerance) {
    self.recordings = recordings
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

  /// - Parameter keepsLast: whether no layout exchanges the last axis.
  mutating func compare(
    _ a: [RecordedTensor], _ b: [RecordedTensor], keepsLast: Bool = false
  ) throws -> Result {
    var result = Result()
    for (source, converted) in TensorPairs.pair(a, b) {
      guard let converted else {
        result.isComplete = false
        continue
      }
      result.tensors.append(try compare(source, converted, keepsLast))
    }
    return result
  }

  private mutating func compare(
    _ source: RecordedTensor, _ converted: RecordedTensor, _ keepsLast: Bool
  ) throws -> ComparedTensor {
    let reference = try recordings.source.floats(source)
    let other = try recordings.converted.floats(converted)
    guard let aligned = aligner.align(other, to: reference, keepsLast: keepsLast) else {
      // A sample of another size, or axes that are no exchange of the source's.
      let difference = Difference(other.values, reference: reference.values)
      return ComparedTensor(
        source: source, converted: converted, alignment: nil, difference: difference,
        isWithin: false)
    }
    if !aligned.alignment.isPlain {
      layouts[aligned.alignment.description, default: 0] += 1
    }
    let isWithin = tolerance.admits(aligned.difference)
    if isWithin { noise = max(noise, aligned.difference.relative) }
    return ComparedTensor(
      source: source, converted: converted, alignment: aligned.alignment,
      difference: aligned.difference, isWithin: isWithin)
  }

  /// Whether a difference is more than functions amplify of the rounding before it.
  func isBeyondNoise(_ tensor: ComparedTensor) -> Bool {
    !(tensor.difference.relative <= RecordingTolerance.amplification * noise)
  }
}

/// Which tensor of a call is which of its counterpart's.
enum TensorPairs {
  /// By name where both have it, else in order among those of as many elements; a recurrent layer's
  /// states among themselves.
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
    return zip(a, named).map { tensor, found in
      let isState = RecurrentState.isName(tensor.name)
      return (
        tensor,
        found
          ?? take { count($0) == count(tensor) && RecurrentState.isName($0.name) == isState }
      )
    }
  }
}
