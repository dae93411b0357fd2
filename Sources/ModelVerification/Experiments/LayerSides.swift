import CheckpointCore
import ReferenceLayers

/// Brings a pair of calls into the common layout of their kind of layer, with their weights.
struct LayerSides {
  /// Elements of a tensor that experiments look at: a layer that computes items apart is tried on a
  /// few of them.
  private static let maximumElements = 1 << 18

  let source: LayerSide
  let converted: LayerSide

  /// `nil` where the kind of layer is not known, its weights are not at hand, or its call is recorded
  /// in part.
  init?(
    _ pair: CallPairing.Pair, _ recordings: (source: Recording, converted: Recording),
    _ weights: (source: ModelWeights?, converted: ModelWeights?), owners: ParameterOwners?
  ) throws {
    guard let definition = pair.source.definition, definition.id == pair.converted.definition?.id
    else { return nil }
    let items = Self.items(pair, definition)
    guard
      let source = try Self.side(
        pair.source, recordings.source, Readers(weights.source, owners?.owner(of: pair, .source)),
        definition, items: items),
      let converted = try Self.side(
        pair.converted, recordings.converted,
        Readers(weights.converted, owners?.owner(of: pair, .converted)), definition, items: items)
    else { return nil }
    let (a, b) = Self.fitted(source, converted)
    // A fused layer is the counterpart of several: of one of them it computes more.
    guard a.output.values.count == b.output.values.count else { return nil }
    (self.source, self.converted) = (a, b)
  }

  /// Zeros that one side puts around its input by a function, as the padding of the layer; and without
  /// what one side has behind the other's output and cuts off by a function.
  private static func fitted(
    _ source: LayerSide, _ converted: LayerSide
  ) -> (LayerSide, LayerSide) {
    func trim(_ side: LayerSide, _ other: LayerSide) -> LayerSide {
      guard side.output.shape != other.output.shape,
        let (output, settings) = side.declared.definition.trimmed(
          side.output, side.declared.settings, to: other.output.shape)
      else { return side }
      var declared = side.declared
      declared.settings = settings
      return LayerSide(inputs: side.inputs, output: output, declared: declared)
    }
    func fit(_ side: LayerSide, _ other: LayerSide) -> LayerSide {
      guard side.inputs[0].shape != other.inputs[0].shape,
        let (inputs, settings) = side.declared.definition.fitted(
          side.inputs, side.declared.settings, to: other.inputs[0].shape)
      else { return side }
      var declared = side.declared
      declared.settings = settings
      return LayerSide(inputs: inputs, output: side.output, declared: declared)
    }
    let (a, b) = (fit(source, converted), fit(converted, source))
    return (trim(a, b), trim(b, a))
  }

  /// That one side takes the axes of its input for others than the other side does; asked where the
  /// inputs agree as tensors.
  var axisOrderCause: Cause? {
    for (a, b) in zip(source.inputs, converted.inputs) {
      // Axes that are split on one side and merged on the other hold the same rows.
      let isSame =
        Difference(b.values, reference: a.values).relative <= Self.sameInput
      if isSame { continue }
      let isSequence = ["recurrent", "attention"].contains(source.declared.definition.id)
      return Cause(
        id: isSequence ? "batch_time_order" : "axis_order", explains: nil, effect: nil,
        text: "the inputs agree, but the layer takes \(Self.extents(b)) for what is "
          + "\(Self.extents(a)) in the source",
        fix: isSequence
          ? "say which axis is the batch (batch_first), or exchange the first two axes"
          : "exchange the axes before the layer")
    }
    return nil
  }

  /// Inputs that agree as tensors differ by less in a layer's own layout.
  private static let sameInput = 1e-3

  private static func extents(_ x: Tensor<Double>) -> String {
    "(" + x.shape.map(String.init).joined(separator: ", ") + ")"
  }

  /// How many items of the leading axis are tried; `nil` for all of them.
  private static func items(
    _ pair: CallPairing.Pair, _ definition: any LayerDefinition
  ) -> Int? {
    guard definition.isPerItem else { return nil }
    let tensors = [pair.source, pair.converted].flatMap { $0.inputs + $0.outputs }
    let perItem = tensors.map { tensor -> Int in
      let shape = tensor.tensor.shape.dimensions
      return shape.dropFirst().reduce(1, *)
    }
    guard let largest = perItem.max(), largest > 0 else { return nil }
    return max(1, maximumElements / largest)
  }

  /// The weights of one side, and where the mapping has a call's.
  private struct Readers {
    let weights: ModelWeights?
    let owner: String?

    init(_ weights: ModelWeights?, _ owner: String?) {
      (self.weights, self.owner) = (weights, owner)
    }

    func operands(_ call: RecordedCall, _ definition: any LayerDefinition) -> Operands? {
      guard let weights else {
        return call.facts.parameters.isEmpty && !definition.isComposite
          ? definition.operands(call.facts) { _ in nil } : nil
      }
      return definition.operands(call.facts, weights.reader(for: call))
        ?? owner.flatMap { definition.operands(call.facts, weights.reader(below: $0)) }
    }
  }

  private static func side(
    _ call: RecordedCall, _ recording: Recording, _ readers: Readers,
    _ definition: any LayerDefinition, items: Int?
  ) throws -> LayerSide? {
    // A sample along the leading axis is whole items; any other is no input of the layer.
    guard !call.outputs.isEmpty, !call.inputs.isEmpty,
      !(call.inputs + call.outputs).contains(where: \.isSampled)
    else { return nil }
    guard let operands = readers.operands(call, definition) else { return nil }
    func named(_ tensors: [RecordedTensor]) throws -> [NamedTensor] {
      try tensors.map { ($0.name, try recording.doubles($0)) }
    }
    var inputs = definition.inputs(call.facts, try named(call.inputs))
    guard var output = definition.output(call.facts, try named(call.outputs)), !inputs.isEmpty
    else { return nil }
    guard let settings = definition.settings(call.facts, operands, inputs: inputs) else {
      return nil
    }
    if let items {
      let count = inputs[0].shape.first
      inputs = inputs.map { $0.shape.first == count ? $0.first(items) : $0 }
      output = output.first(items)
    }
    return LayerSide(
      inputs: inputs, output: output,
      declared: LayerConfiguration(
        definition: definition, settings: settings, operands: operands))
  }
}
