package import CheckpointCore
package import CheckpointMapping
import ReferenceLayers

/// A SAVi in a checkpoint, ready to run.
package struct ReferenceModel: Sendable {
  /// Whose parameters these are: they decide the front-end.
  package enum Framework: String, Sendable {
    case flax, torch
  }

  package enum Precision: String, Sendable, CaseIterable { case float32, float64 }

  package let architecture: SAViArchitecture
  package let framework: Framework
  private let read: ParameterReader
  private let plan: ConversionPlan
  private let reader: any CheckpointReader

  /// - Parameter plan: where in the file the parameters are, and in whose layout.
  package init(_ plan: ConversionPlan, _ reader: any CheckpointReader, _ entries: [CheckpointEntry])
    throws
  {
    architecture = try SAViArchitecture(plan.model)
    framework = plan.direction == .forward ? .flax : .torch
    read = ParameterReader(reader, entries, root: plan.root)
    self.plan = plan
    self.reader = reader
  }

  /// Runs the model.
  ///
  /// - Parameters:
  ///   - conventions: what a PyTorch state dict is computed with; a Flax one has Flax's.
  ///   - stages: the stages to return, in the order in which they are computed; without it, all.
  /// - Throws: `CheckpointError` where the clip's frames have another size than the model's, or a
  ///   parameter is not what the model needs.
  package func run(
    _ clip: Clip, conventions: Conventions, precision: Precision = .float32,
    stages: Set<StageName>? = nil, threads: Int
  ) throws -> [Stage] {
    try architecture.check(clip)
    let stages = stages ?? Set(architecture.stages)
    return switch precision {
    case .float32:
      try model(Float.self, conventions)(clip, wanted: stages, threads: threads)
    case .float64:
      try model(Double.self, conventions)(clip, wanted: stages, threads: threads)
    }
  }

  /// The output of every layer, in float64, for one frame of one clip.
  func layers(
    _ clip: Clip, item: Int, frame: Int, conventions: Conventions, threads: Int
  ) throws -> [(layer: LayerIdentity, output: [Double])] {
    let trace = Trace<Double>(clip: 0, frame: frame)
    _ = try model(Double.self, conventions)(
      clip.upTo(clip: item, frame: frame), wanted: [.flow], threads: threads, trace: trace)
    return trace.layers
  }

  var document: ModelDocument { plan.model }

  /// The names of the PyTorch parameters, second names left out.
  var torchParameterNames: [TensorName] {
    get throws { try CompiledMapping(document).targets.map(\.name) }
  }

  /// The elements of a PyTorch parameter, converted by the mapping where the file holds Flax ones.
  package func torchParameter(_ name: TensorName) throws -> [Double] {
    guard framework == .flax else { return try read.doubles(name) }
    guard let output = plan.outputs(from: reader).first(where: { $0.name == name }) else {
      throw CheckpointError(entry: name, "the mapping makes no such tensor")
    }
    return try output.doubles()
  }

  /// The tensors that the mapping holds to be others under a second name, but the file keeps apart,
  /// each with how far it is from the first.
  func secondNames() throws -> [TensorComparison.Difference] {
    try plan.equalPairs.map { pair in
      let maximum = zip(try reader.doubles(pair.alias), try reader.doubles(pair.original))
        .reduce(0.0) { result, pair in
          // Equal infinities, and NaN in both, are no difference.
          if pair.0 == pair.1 || (pair.0.isNaN && pair.1.isNaN) { return result }
          let difference = (pair.0 - pair.1).magnitude
          return difference.isNaN || result.isNaN ? .nan : max(result, difference)
        }
      let isSameShape = pair.alias.shape == pair.original.shape
      return .init(tensor: pair.alias.name, maximum: isSameShape ? maximum : .infinity)
    }
  }

  /// A model whose parameters are read once, for several runs.
  package func prepared(_ conventions: Conventions) throws -> PreparedModel {
    PreparedModel(model: try model(Float.self, conventions), architecture: architecture)
  }

  private func model<Scalar: ModelScalar>(
    _: Scalar.Type, _ conventions: Conventions
  ) throws -> SAVi<Scalar> {
    switch framework {
    case .flax: try FlaxFrontEnd(architecture: architecture, read: read).model()
    case .torch:
      try TorchFrontEnd(architecture: architecture, conventions: conventions, read: read).model()
    }
  }
}

/// A float32 model in memory.
package struct PreparedModel: Sendable {
  let model: SAVi<Float>
  let architecture: SAViArchitecture

  package func run(
    _ clip: Clip, stages: Set<StageName>? = nil, threads: Int
  ) throws -> [Stage] {
    try architecture.check(clip)
    return try model(clip, wanted: stages ?? Set(architecture.stages), threads: threads)
  }
}

extension SAViArchitecture {
  fileprivate func check(_ clip: Clip) throws {
    guard clip.height == frameHeight, clip.width == frameWidth else {
      throw CheckpointError(
        entry: "video",
        "\(name) takes frames of \(frameHeight) x \(frameWidth) pixels, "
          + "\(clip.height) x \(clip.width) found",
        advice: "resize the frames: the position embedding has this size")
    }
  }
}
