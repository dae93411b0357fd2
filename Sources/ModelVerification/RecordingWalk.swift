import CheckpointCore
import ReferenceLayers

/// Goes through the pairs of calls in the order of execution and judges each.
struct RecordingWalk {
  let recordings: (source: Recording, converted: Recording)
  let weights: (source: ModelWeights?, converted: ModelWeights?)

  private(set) var faults: [Fault] = []
  private(set) var ineffective: [RecordingVerification.Ineffective] = []
  private(set) var unjudged: [String] = []
  private let owners: ParameterOwners?
  private var comparison: CallComparison
  private var origins = OriginList()
  /// Calls of the converted model without a counterpart, by the tensors they returned.
  private let unpaired: [TensorName: RecordedCall]

  init(
    _ recordings: (source: Recording, converted: Recording), _ pairing: CallPairing,
    weights: (source: ModelWeights?, converted: ModelWeights?), owners: ParameterOwners?,
    tolerance: RecordingTolerance
  ) throws {
    self.owners = owners
    self.recordings = recordings
    self.weights = weights
    comparison = CallComparison(recordings: recordings, tolerance: tolerance)
    unpaired = Dictionary(
      pairing.unpairedConverted.filter { !$0.isIdentity }
        .flatMap { call in call.outputs.map { ($0.tensor.name, call) } },
      uniquingKeysWith: { first, _ in first })
    let roots = (recordings.source.root, recordings.converted.root)
    if let source = roots.0, let converted = roots.1, source.facts.framework != .plain {
      let inputs = try comparison.compare(source.inputs, converted.inputs)
      origins.pin(inputs.tensors) { "the input \($0.name)" }
    }
  }

  var layouts: [String: Int] { comparison.layouts }

  mutating func visit(_ pair: CallPairing.Pair) throws {
    let inputs = try comparison.compare(pair.source.inputs, pair.converted.inputs)
    try judgeBetween(pair, inputs)
    let outputs = try comparison.compare(
      pair.source.outputs, pair.converted.outputs,
      keepsLast: pair.source.definition?.keepsFeaturesLast ?? false)
    try judgeLayer(pair, inputs, outputs)
    let title = pair.source.title
    origins.add(inputs.tensors) { _ in "what goes into \(title)" }
    let isEmbedding = pair.source.definition?.id == "embedding"
    origins.add(outputs.tensors, isEmbedding: isEmbedding) { _ in title }
  }

  /// Judges what the models return themselves.
  mutating func finish() throws {
    guard let source = recordings.source.root, let converted = recordings.converted.root,
      source.facts.framework != .plain
    else { return }
    let outputs = try comparison.compare(source.outputs, converted.outputs)
    try judgeBetween(CallPairing.Pair(source: source, converted: converted), outputs)
  }

  /// Judges what lies between the calls before and this one, by its inputs.
  private mutating func judgeBetween(
    _ pair: CallPairing.Pair, _ inputs: CallComparison.Result
  ) throws {
    for tensor in inputs.tensors where !tensor.isWithin && !origins.contains(tensor) {
      let provenance = Provenance(
        origins: try origins.loaded(recordings),
        target: try Origin(tensor, recordings, title: pair.source.title, isEmbedding: false))
      let judge = BetweenJudge(
        provenance: provenance, framework: pair.converted.facts.framework)
      switch judge.judge() {
      case .inherited: continue
      case .differs(let cause): add(between: pair, tensor, [cause])
      case .unknown:
        // Behind a fault an input that is made in no known way tells nothing.
        guard faults.isEmpty, comparison.isBeyondNoise(tensor) else { continue }
        add(between: pair, tensor, [])
      }
      return
    }
  }

  private mutating func judgeLayer(
    _ pair: CallPairing.Pair, _ inputs: CallComparison.Result, _ outputs: CallComparison.Result
  ) throws {
    if outputs.isComplete, outputs.isWithin, outputs.relative <= RecordingTolerance.rounding {
      return
    }
    guard let sides = try LayerSides(pair, recordings, weights, owners: owners) else {
      judgeByValues(pair, inputs, outputs)
      return
    }
    if inputs.isWithin, inputs.isComplete, let cause = sides.axisOrderCause {
      add(layer: pair, outputs, [cause])
      return
    }
    let judge = LayerJudge(
      source: sides.source, converted: sides.converted,
      framework: pair.converted.facts.framework)
    switch judge.judge() {
    case .same(let ineffective): note(ineffective, pair)
    case .differs(let causes, let ineffective):
      note(ineffective, pair)
      add(layer: pair, outputs, causes)
    case .unknown(let causes): judgeByValues(pair, inputs, outputs, causes)
    }
  }

  /// Judges a layer that cannot be recomputed by how far its inputs and outputs are apart.
  private mutating func judgeByValues(
    _ pair: CallPairing.Pair, _ inputs: CallComparison.Result, _ outputs: CallComparison.Result,
    _ causes: [Cause] = []
  ) {
    guard !outputs.isWithin else { return }
    guard inputs.isWithin else {
      unjudged.append(pair.converted.title)
      return
    }
    if outputs.relative > RecordingTolerance.amplification * inputs.relative {
      add(layer: pair, outputs, causes)
    }
  }

  private mutating func note(_ causes: [Cause], _ pair: CallPairing.Pair) {
    ineffective += causes.map {
      RecordingVerification.Ineffective(converted: pair.converted.title, cause: $0)
    }
  }

  private mutating func add(
    layer pair: CallPairing.Pair, _ outputs: CallComparison.Result, _ causes: [Cause]
  ) {
    report(
      Fault(
        kind: .layer, source: pair.source.path, converted: pair.converted.path,
        maximum: outputs.maximum, relative: outputs.relative, causes: causes))
  }

  private mutating func add(
    between pair: CallPairing.Pair, _ tensor: ComparedTensor, _ causes: [Cause]
  ) {
    // Where a module stands for what the source writes as a function, that is the place.
    let module = unpaired[tensor.converted.tensor.name]
    report(
      Fault(
        kind: module == nil ? .between : .layer, source: pair.source.path,
        converted: module?.path ?? pair.converted.path, maximum: tensor.difference.maximum,
        relative: tensor.difference.relative, causes: causes))
  }

  /// Keeps a fault, unless it is one that an earlier call of the same module showed.
  private mutating func report(_ fault: Fault) {
    let isRepeated = faults.contains {
      $0.kind == fault.kind && $0.converted == fault.converted
        && $0.causes.map(\.id) == fault.causes.map(\.id)
    }
    if !isRepeated { faults.append(fault) }
  }
}
