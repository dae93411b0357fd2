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
  private let values: RecordedValues
  private let parameters: [FreeParameter]
  private var comparison: CallComparison
  private var origins: OriginList
  private var held: [HeldFault] = []
  /// Calls of the converted model without a counterpart, by the tensors they returned.
  private let unpaired: [TensorName: RecordedCall]

  /// What differs before a call that returns the same all the same: a fault as soon as something else is
  /// made of it.
  private struct HeldFault {
    let fault: Fault
    let tensor: ComparedTensor
    /// How many faults came before it.
    let place: Int
  }

  init(
    _ recordings: (source: Recording, converted: Recording), _ pairing: CallPairing,
    weights: (source: ModelWeights?, converted: ModelWeights?), owners: ParameterOwners?,
    tolerance: RecordingTolerance
  ) throws {
    self.owners = owners
    self.recordings = recordings
    self.weights = weights
    values = RecordedValues(recordings)
    parameters = FreeParameter.all(recordings, weights)
    comparison = CallComparison(values, tolerance: tolerance)
    origins = OriginList(values)
    unpaired = Dictionary(
      pairing.unpairedConverted.flatMap { call in
        call.outputs.map { ($0.tensor.name, call) }
      },
      uniquingKeysWith: { first, _ in first })
    for pair in roots {
      let inputs = try comparison.compare(pair.source.inputs, pair.converted.inputs)
      origins.pin(inputs.tensors) { "the input \($0.name)" }
    }
  }

  /// The calls of the models themselves.
  private var roots: [CallPairing.Pair] {
    zip(recordings.source.roots, recordings.converted.roots)
      .filter { $0.0.facts.framework != .plain }
      .map { CallPairing.Pair(source: $0.0, converted: $0.1) }
  }

  var layouts: [String: Int] { comparison.layouts }

  mutating func visit(_ pair: CallPairing.Pair) throws {
    let inputs = try comparison.compare(
      pair.source.inputs, pair.converted.inputs, layout: pair.layout)
    let outputs = try comparison.compare(
      pair.source.outputs, pair.converted.outputs, keepsLast: pair.keepsFeaturesLast,
      layout: pair.layout)
    if !inputs.isComplete, !outputs.isComplete { judgeExtents(pair) }
    try judgeBetween(pair, inputs, agreesBehind: outputs.isComplete && outputs.isWithin)
    try judgeLayer(pair, inputs, outputs)
    let title = pair.source.title
    origins.add(inputs.tensors) { _ in "what goes into \(title)" }
    let isEmbedding = pair.source.definition?.id == "embedding"
    origins.add(outputs.tensors, isEmbedding ? .embedding : .activation) { _ in title }
  }

  /// Judges what the models return themselves: where they return the same, nothing before it had an
  /// effect.
  mutating func finish() throws {
    var agrees = !roots.isEmpty
    for pair in roots {
      var outputs = try comparison.compare(pair.source.outputs, pair.converted.outputs)
      outputs.tensors.removeAll(where: \.isTie)
      agrees = agrees && outputs.isComplete && outputs.isWithin && !outputs.tensors.isEmpty
      try judgeBetween(pair, outputs, agreesBehind: false)
    }
    guard agrees else { return }
    faults.removeAll { fault in
      // Extents that differ have no figure.
      if fault.relative <= RecordingTolerance.certain { return false }
      ineffective += fault.causes.map {
        RecordingVerification.Ineffective(converted: fault.converted, cause: $0)
      }
      return true
    }
  }

  /// Judges what lies between the calls before and this one, by its inputs.
  private mutating func judgeBetween(
    _ pair: CallPairing.Pair, _ inputs: CallComparison.Result, agreesBehind: Bool
  ) throws {
    for tensor in inputs.tensors where !tensor.isWithin && !origins.contains(tensor) {
      let provenance = Provenance(
        origins.origins, parameters,
        Origin(tensor, values, title: pair.source.title, .activation))
      let judgement = BetweenJudge(
        provenance: provenance, framework: pair.converted.facts.framework
      ).judge()
      try values.check()
      var causes: [Cause] = []
      switch judgement {
      case .inherited(let expression):
        reportHeld(expression.arguments)
        continue
      case .differs(let cause): causes = [cause]
      case .unknown:
        // Behind a fault an input that is made in no known way tells nothing.
        guard faults.isEmpty, comparison.isBeyondNoise(tensor) else { continue }
      }
      let fault = fault(between: pair, tensor, causes)
      if agreesBehind {
        held.append(HeldFault(fault: fault, tensor: tensor, place: faults.count))
      } else {
        report(fault)
      }
      return
    }
  }

  /// Judges a layer of a known kind whose first input, and with it what it returns, has another size.
  private mutating func judgeExtents(_ pair: CallPairing.Pair) {
    guard pair.source.definition != nil, pair.converted.definition != nil,
      let source = pair.source.inputs.first, let converted = pair.converted.inputs.first,
      source.fullShape.reduce(1, *) != converted.fullShape.reduce(1, *),
      !Self.isSpread(source.fullShape, converted.fullShape),
      !faults.contains(where: { $0.causes.contains { $0.id == Cause.extentsID } })
    else { return }
    report(
      Fault(
        kind: .between, source: pair.source.path, converted: pair.converted.path,
        maximum: .nan, relative: .nan,
        causes: [.extents(source.fullShape, converted.fullShape)]))
  }

  /// Whether one is spread over the other where it has one place.
  private static func isSpread(_ a: [Int], _ b: [Int]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || $0 == 1 || $1 == 1 }
  }

  /// Reports what was held back of the tensors that these origins are.
  private mutating func reportHeld(_ arguments: [Origin]) {
    for (index, fault) in held.enumerated().reversed()
    where arguments.contains(where: { origins.isOrigin($0, of: fault.tensor) }) {
      held.remove(at: index)
      report(fault.fault, at: min(fault.place, faults.count))
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

  private func fault(
    between pair: CallPairing.Pair, _ tensor: ComparedTensor, _ causes: [Cause]
  ) -> Fault {
    // Where a module stands for what the source writes as a function, that is the place.
    let module = unpaired[tensor.converted.tensor.name]
    return Fault(
      kind: module == nil ? .between : .layer, source: pair.source.path,
      converted: module?.path ?? pair.converted.path, maximum: tensor.difference.maximum,
      relative: tensor.difference.relative,
      causes: module?.isTrainedDropout ?? false ? [.dropout] : causes)
  }

  /// Keeps a fault, unless it is one that an earlier call of the same module showed.
  private mutating func report(_ fault: Fault, at place: Int? = nil) {
    let isRepeated = faults.contains {
      $0.kind == fault.kind && $0.converted == fault.converted
        && $0.causes.map(\.id) == fault.causes.map(\.id)
    }
    if !isRepeated { faults.insert(fault, at: place ?? faults.count) }
  }
}
