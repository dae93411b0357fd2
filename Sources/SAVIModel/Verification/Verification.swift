import CheckpointCore
import ReferenceLayers

/// Whether a converted model behaves as its source does: three questions, answered apart.
package struct Verification: Sendable {
  /// 1. The weights, with Flax's conventions on both sides.
  package let weights: [StageComparison]
  /// The first stage that parts, and its frame.
  package let firstPlace: Parting.Place?
  /// The first layer that parts; `nil` where they agree, or where a recording knows no layers.
  package let parting: Parting?
  /// The tensors of that layer that are wrong.
  package let suspects: [Suspect]
  /// The conventions in which the recorded model is not Flax's, where they explain how it parts.
  package let recording: RecordingDiagnosis?
  /// 2. What a forward pass cannot see; empty beside a recording.
  package let hidden: [HiddenComparison]
  /// 2. Every tensor, converted by the mapping; `nil` beside a recording.
  package let tensors: TensorComparison?
  /// 3. The PyTorch module as the port has it; `nil` where there is no PyTorch side.
  package let module: Module?

  package struct Module: Sendable {
    /// Whether the stages are compared with the same weights under Flax's conventions, because the
    /// other side has others.
    package let isBesideItself: Bool
    package let stages: [StageComparison]
    /// `nil` where every stage agrees.
    package let diagnosis: ModuleDiagnosis?

    package var agrees: Bool { stages.allSatisfy(\.agrees) }
  }

  package var weightsAgree: Bool {
    !weights.isEmpty && weights.allSatisfy(\.agrees) && parametersAgree
  }

  /// Whether the answer to the second question is yes.
  package var parametersAgree: Bool {
    hidden.allSatisfy(\.agrees) && tensors?.differences.isEmpty ?? true
  }

  /// Compares two checkpoints.
  package init(
    source: ReferenceModel, converted: ReferenceModel, _ clip: Clip, _ tolerances: Tolerances,
    precision: ReferenceModel.Precision, threads: Int
  ) throws {
    guard source.architecture.name == converted.architecture.name else {
      throw CheckpointError(
        "these are different models: \(source.architecture.name) and "
          + converted.architecture.name)
    }
    let reference = try source.run(
      clip, conventions: .flax, precision: precision, threads: threads)
    weights = try StageComparison.compare(
      try converted.run(clip, conventions: .flax, precision: precision, threads: threads),
      reference: reference, tolerances)
    firstPlace = Parting.place(weights)
    parting = try firstPlace.flatMap {
      try Self.parting(converted, source, clip, until: $0, threads: threads)
    }
    suspects = try parting.map { try Suspect.find(in: $0.layer.path, converted, source) } ?? []
    recording = nil
    hidden = try HiddenComparison.compare(converted, with: source, tolerances.common)
    tensors = try TensorComparison(converted, with: source, tolerances.common)
    let torch = [converted, source].first { $0.framework == .torch }
    // With other weights the module would be blamed for them.
    let sameWeights = weights.allSatisfy(\.agrees)
    module = try torch.map {
      try Module(
        $0, sameWeights ? reference : nil, clip, tolerances, precision: precision,
        threads: threads)
    }
  }

  /// The first layer that parts, on the first frame on which one does: what a tolerance notices
  /// late began earlier.
  private static func parting(
    _ converted: ReferenceModel, _ source: ReferenceModel, _ clip: Clip,
    until place: Parting.Place, threads: Int
  ) throws -> Parting? {
    for frame in 0...place.frame {
      let layers = try [converted, source].map {
        try $0.layers(
          clip, item: place.clip, frame: frame, conventions: .flax, threads: threads)
      }
      if let parting = Parting.first(layers[0], layers[1], clip: place.clip, frame: frame) {
        return parting
      }
    }
    return nil
  }

  /// Compares a checkpoint with recorded activations of a real framework.
  ///
  /// - Parameter conventions: those of the recorded model.
  package init(
    recording: [Stage], _ model: ReferenceModel, conventions: Conventions, _ clip: Clip,
    _ tolerances: Tolerances, precision: ReferenceModel.Precision, threads: Int
  ) throws {
    let own = model.architecture.tolerances(tolerances, beside: recording, precision)
    weights = try StageComparison.compare(
      try model.run(clip, conventions: conventions, precision: precision, threads: threads),
      reference: recording, own)
    firstPlace = Parting.place(weights)
    self.recording =
      firstPlace == nil || model.framework == .flax || conventions != .flax
      ? nil
      : try RecordingDiagnosis(
        recording, model, clip, own, precision: precision, threads: threads)
    parting = nil
    suspects = []
    hidden = []
    tensors = nil
    let sameWeights = weights.allSatisfy(\.agrees)
    module =
      model.framework == .torch && conventions == .flax
      ? try Module(
        model, sameWeights ? recording : nil, clip, own, precision: precision,
        threads: threads)
      : nil
  }
}

extension Verification.Module {
  /// - Parameter reference: the stages of the other side; without them, those of the model itself
  ///   under Flax's conventions.
  fileprivate init(
    _ model: ReferenceModel, _ reference: [Stage]?, _ clip: Clip, _ tolerances: Tolerances,
    precision: ReferenceModel.Precision, threads: Int
  ) throws {
    isBesideItself = reference == nil
    stages = try StageComparison.compare(
      try model.run(clip, conventions: .port, precision: precision, threads: threads),
      reference: try reference
        ?? model.run(clip, conventions: .flax, precision: precision, threads: threads),
      tolerances)
    diagnosis =
      stages.allSatisfy(\.agrees)
      ? nil : try ModuleDiagnosis(model, clip, tolerances, threads: threads)
  }
}
