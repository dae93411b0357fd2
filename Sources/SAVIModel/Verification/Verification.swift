import CheckpointCore

/// Whether a converted model behaves as its source does: three questions, answered apart.
public struct Verification: Sendable {
  /// 1. The weights, with Flax's conventions on both sides.
  public let weights: [StageComparison]
  /// Where they part; `nil` where they agree, or where a recording knows no layers.
  public let parting: Parting?
  /// The tensors of that layer that are wrong.
  public let suspects: [Suspect]
  /// 2. What a forward pass cannot see; empty beside a recording.
  public let hidden: [HiddenComparison]
  /// 3. The PyTorch module as the port has it; `nil` where there is no PyTorch side.
  public let module: Module?

  public struct Module: Sendable {
    public let stages: [StageComparison]
    /// `nil` where every stage agrees.
    public let diagnosis: ModuleDiagnosis?

    public var agrees: Bool { stages.allSatisfy(\.agrees) }
  }

  public var weightsAgree: Bool {
    !weights.isEmpty && weights.allSatisfy(\.agrees) && hidden.allSatisfy(\.agrees)
  }

  /// Compares two checkpoints.
  public init(
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
    parting = try Parting.place(weights).flatMap { place in
      Parting.first(
        try converted.layers(
          clip, item: place.clip, frame: place.frame, conventions: .flax, threads: threads),
        try source.layers(
          clip, item: place.clip, frame: place.frame, conventions: .flax, threads: threads),
        clip: place.clip, frame: place.frame)
    }
    suspects = try parting.map { try Suspect.find(in: $0.layer, converted, source) } ?? []
    hidden = try HiddenComparison.compare(converted, with: source, tolerances.common)
    let torch = [converted, source].first { $0.framework == .torch }
    module = try torch.map {
      try Module($0, reference, clip, tolerances, precision: precision, threads: threads)
    }
  }

  /// Compares a checkpoint with recorded activations of a real framework.
  ///
  /// - Parameter conventions: those of the recorded model.
  public init(
    recording: [Stage], _ model: ReferenceModel, conventions: Conventions, _ clip: Clip,
    _ tolerances: Tolerances, precision: ReferenceModel.Precision, threads: Int
  ) throws {
    weights = try StageComparison.compare(
      try model.run(clip, conventions: conventions, precision: precision, threads: threads),
      reference: recording, tolerances)
    parting = nil
    suspects = []
    hidden = []
    module =
      model.framework == .torch && conventions == .flax
      ? try Module(model, recording, clip, tolerances, precision: precision, threads: threads)
      : nil
  }
}

extension Verification.Module {
  fileprivate init(
    _ model: ReferenceModel, _ reference: [Stage], _ clip: Clip, _ tolerances: Tolerances,
    precision: ReferenceModel.Precision, threads: Int
  ) throws {
    stages = try StageComparison.compare(
      try model.run(clip, conventions: .port, precision: precision, threads: threads),
      reference: reference, tolerances)
    diagnosis =
      stages.allSatisfy(\.agrees)
      ? nil : try ModuleDiagnosis(model, clip, tolerances, threads: threads)
  }
}
