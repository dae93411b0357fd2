import CheckpointMapping
import CheckpointParts
import CheckpointValidation

/// Documents that a command reads, noted where its work is divided.
extension DividedWork {
  /// The built-in model `name`, or the document at that path.
  func model(_ name: String) throws -> ModelDocument {
    readsModel(name)
    return try ModelDocument.load(name)
  }

  /// Notes that the command goes by the model `name`.
  func readsModel(_ name: String) {
    if !BuiltInModels.names.contains(name) { reads(name) }
  }

  /// The built-in schema `name`, or the one at that path.
  func schema(_ name: String) throws -> CheckpointSchema {
    if BuiltInSchemas.document(name) == nil { reads(name) }
    return try CheckpointSchema.load(name, loadModel: model)
  }
}
