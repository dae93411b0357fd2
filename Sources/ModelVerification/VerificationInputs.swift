package import CheckpointFormats
package import CheckpointMapping

/// What is to be verified: two recordings, and where they are at hand the two checkpoints and the
/// mapping between them.
package struct VerificationInputs {
  package let source: Recording
  package let converted: Recording
  package let weights: (source: ModelWeights?, converted: ModelWeights?)
  package let mapping: ModelDocument?

  /// - Parameters:
  ///   - checkpoints: none, or the source and the converted one.
  ///   - mapping: by default the built-in one that fits the checkpoints, if there is one.
  package init(
    recordings: (source: String, converted: String), checkpoints: [Checkpoint],
    mapping: ModelDocument?
  ) throws {
    source = try Recording(path: recordings.source)
    converted = try Recording(path: recordings.converted)
    guard checkpoints.count == 2 else {
      weights = (nil, nil)
      self.mapping = mapping
      return
    }
    weights = (
      ModelWeights(checkpoints[0], calls: source.calls),
      ModelWeights(checkpoints[1], calls: converted.calls)
    )
    // Without a mapping calls are paired by structure, which is enough for most models.
    self.mapping =
      mapping
      ?? (try? ModelMatcher.planEitherWay(checkpoints[0].entries, models: BuiltInModels.all()))?
      .model
  }

  package func verified(_ tolerance: RecordingTolerance) throws -> RecordingVerification {
    try RecordingVerification(
      source: source, converted: converted, weights: weights, mapping: mapping,
      tolerance: tolerance)
  }
}
