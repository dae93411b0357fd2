public import CheckpointFormats
import CheckpointMapping

extension RecordingVerification {
  /// Compares two recordings, which schemas/recording.schema.json describes.
  ///
  /// - Parameters:
  ///   - source: the path of what the source model computed.
  ///   - converted: the path of what the converted one did, with the same input.
  ///   - checkpoints: the weights of both, for the causes that need them.
  ///   - mapping: which parameters are the same: a built-in model's name or a document's path. By
  ///     default that of the built-in model that fits the checkpoints; without one, calls are paired
  ///     by structure, which is enough for most models.
  /// - Throws: `CheckpointError` where a file cannot be read, the two have no call in common, or
  ///   OpenBLAS is not to be had.
  public init(
    source: String, converted: String,
    checkpoints: (source: Checkpoint, converted: Checkpoint)? = nil, mapping: String? = nil,
    tolerance: RecordingTolerance = .standard
  ) throws {
    let model = try mapping.map { try ModelDocument.load($0) }
    let (source, converted) = (try Recording(path: source), try Recording(path: converted))
    try self.init(
      source: source, converted: converted,
      weights: (
        checkpoints.map { ModelWeights($0.source, calls: source.calls) },
        checkpoints.map { ModelWeights($0.converted, calls: converted.calls) }
      ),
      mapping: try model ?? checkpoints.flatMap { try Self.fitting($0.source) },
      tolerance: tolerance)
  }

  private static func fitting(_ checkpoint: Checkpoint) throws -> ModelDocument? {
    let models = try BuiltInModels.all()
    return try? ModelMatcher.planEitherWay(checkpoint.entries, models: models).model
  }
}
