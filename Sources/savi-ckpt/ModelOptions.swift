import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointMapping
import SAVIModel

/// What the commands that run a model share.
struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A built-in model or a model document; by default the one that fits.",
      valueName: "name|file"))
  var map: String?

  @Option(
    help: ArgumentHelp(
      "A file with 'video' (batch, frames, height, width, 3) and 'boxes' (batch, frames, objects, "
        + "4); without it, moving boxes.", valueName: "npz"),
    completion: .file())
  var inputs: String?

  @Option(help: ArgumentHelp("Frames of the moving boxes (6).", valueName: "n"))
  var frames: Int?

  @Option(help: "Compute in float32, as the models do, or in float64.")
  var precision: ReferenceModel.Precision = .float32

  /// Frames of the moving boxes, unless asked otherwise.
  private static let defaultFrames = 6
  /// More frames than any clip that was trained on; bounds the memory of a mistyped number.
  private static let maximumFrames = 1000

  func validate() throws {
    if let frames, !(1...Self.maximumFrames).contains(frames) {
      throw ValidationError("--frames takes a number from 1 to \(Self.maximumFrames).")
    }
    if frames != nil, inputs != nil {
      throw ValidationError("--frames is about the moving boxes; --inputs has frames of its own.")
    }
  }

  /// The model in a checkpoint.
  func model(_ checkpoint: Checkpoint) throws -> ReferenceModel {
    try inFile(checkpoint.path) {
      try ReferenceModel(try plan(checkpoint), checkpoint.reader, checkpoint.entries)
    }
  }

  /// Where in a checkpoint the parameters are, and in whose layout.
  func plan(_ checkpoint: Checkpoint) throws -> ConversionPlan {
    try inFile(checkpoint.path) {
      try ModelMatcher.planEitherWay(
        checkpoint.entries,
        models: try map.map { [try ModelDocument.load($0)] } ?? BuiltInModels.all())
    }
  }

  func clip(for architecture: SAViArchitecture) throws -> Clip {
    guard let inputs else {
      return try Clip.synthetic(
        frames: frames ?? Self.defaultFrames, height: architecture.frameHeight,
        width: architecture.frameWidth)
    }
    let file = try Checkpoint(path: inputs)
    return try inFile(inputs) { try Clip(file.reader, file.entries) }
  }

  var threads: Int { Machine.processorCount }
}
