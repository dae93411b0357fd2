import CheckpointCore
import ReferenceLayers

/// Goes through the pairs of calls in the order of execution and judges each.
struct RecordingWalk {
  let recordings: (source: Recording, converted: Recording)
  let weights: (source: ModelWeights?, converted: ModelWeights?)
  let tolerance: RecordingTolerance

  private(set) var faults: [Fault] = []
  private(set) var ineffective: [RecordingVerification.Ineffective] = []
  private(set) var unjudged: [String] = []
  private(set) var layouts: [String: Int] = [:]
  private var aligner = Aligner()

  init(
    recordings: (source: Recording, converted: Recording),
    weights: (source: ModelWeights?, converted: ModelWeights?), tolerance: RecordingTolerance
  ) {
    self.recordings = recordings
    self.weights = weights
    self.tolerance = tolerance
  }

  /// How far the tensors of two calls are apart: the worst of them.
  private struct Distance {
    var maximum = 0.0
    var relative = 0.0
    var isWithin = true
    /// Whether every tensor has its counterpart.
    var isComplete = true
  }

  mutating func visit(_ pair: CallPairing.Pair) throws {
    let inputs = try distance(pair.source.inputs, pair.converted.inputs)
    let outputs = try distance(pair.source.outputs, pair.converted.outputs)
    if !inputs.isWithin, faults.isEmpty {
      add(.between, pair, inputs, [])
    }
    let isSettled = outputs.isWithin && outputs.relative <= RecordingTolerance.rounding
    guard !isSettled else { return }
    guard let sides = try LayerSides(pair, recordings, weights) else {
      judgeByValues(pair, inputs, outputs)
      return
    }
    let judge = LayerJudge(
      source: sides.source, converted: sides.converted,
      framework: pair.converted.facts.framework)
    switch judge.judge() {
    case .same(let ineffective): note(ineffective, pair)
    case .differs(let causes, let ineffective):
      note(ineffective, pair)
      add(.layer, pair, outputs, causes)
    case .unknown(let causes):
      judgeByValues(pair, inputs, outputs, causes)
    }
  }

  mutating func finish() throws {
    let roots = [recordings.source, recordings.converted].map { recording in
      recording.calls.first { $0.parent == nil }
    }
    guard faults.isEmpty, let source = roots[0], let converted = roots[1] else { return }
    let outputs = try distance(source.outputs, converted.outputs)
    if !outputs.isWithin {
      add(.between, CallPairing.Pair(source: source, converted: converted), outputs, [])
    }
  }

  /// Judges a layer that cannot be recomputed by how far its inputs and outputs are apart.
  private mutating func judgeByValues(
    _ pair: CallPairing.Pair, _ inputs: Distance, _ outputs: Distance, _ causes: [Cause] = []
  ) {
    guard !outputs.isWithin else { return }
    guard inputs.isWithin else {
      unjudged.append(pair.converted.title)
      return
    }
    if outputs.relative > RecordingTolerance.amplification * inputs.relative {
      add(.layer, pair, outputs, causes)
    }
  }

  private mutating func note(_ causes: [Cause], _ pair: CallPairing.Pair) {
    ineffective += causes.map {
      RecordingVerification.Ineffective(converted: pair.converted.title, cause: $0)
    }
  }

  private mutating func add(
    _ kind: Fault.Kind, _ pair: CallPairing.Pair, _ distance: Distance, _ causes: [Cause]
  ) {
    faults.append(
      Fault(
        kind: kind, source: pair.source.path, converted: pair.converted.path,
        position: pair.source.index, maximum: distance.maximum, relative: distance.relative,
        causes: causes))
  }

  private mutating func distance(_ a: [RecordedTensor], _ b: [RecordedTensor]) throws -> Distance {
    var result = Distance()
    for (source, converted) in TensorPairs.pair(a, b) {
      guard let converted else {
        result.isComplete = false
        continue
      }
      let reference = try recordings.source.floats(source)
      let other = try recordings.converted.floats(converted)
      guard let aligned = aligner.align(other, to: reference) else {
        result = Distance(maximum: .infinity, relative: 1, isWithin: false, isComplete: false)
        continue
      }
      if !aligned.alignment.isPlain {
        layouts[aligned.alignment.description, default: 0] += 1
      }
      let difference = aligned.difference
      if !tolerance.admits(difference) { result.isWithin = false }
      if difference.relative.isNaN || difference.relative > result.relative {
        (result.maximum, result.relative) = (difference.maximum, difference.relative)
      }
    }
    return result
  }
}

/// Which tensor of a call is which of its counterpart's.
enum TensorPairs {
  /// By name where both have it, else in order among those of as many elements.
  static func pair(
    _ a: [RecordedTensor], _ b: [RecordedTensor]
  ) -> [(RecordedTensor, RecordedTensor?)] {
    var free = b
    func take(_ matches: (RecordedTensor) -> Bool) -> RecordedTensor? {
      free.firstIndex(where: matches).map { free.remove(at: $0) }
    }
    let named = a.map { tensor in
      take { $0.name == tensor.name && $0.fullShape.reduce(1, *) == tensor.fullShape.reduce(1, *) }
    }
    return zip(a, named).map { tensor, found in
      (tensor, found ?? take { $0.fullShape.reduce(1, *) == tensor.fullShape.reduce(1, *) })
    }
  }
}
