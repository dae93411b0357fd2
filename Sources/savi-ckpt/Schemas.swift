import Bytes
import CheckpointCore
import CheckpointMapping
import CheckpointValidation

/// Checkpoint schemas, and the other documents of this tool, by what a command line calls them.
enum Schemas {
  /// A document larger than this is none of ours.
  private static let maximumDocumentSize = 256 << 20

  /// The built-in schema `name`, or the one at that path.
  static func load(
    _ name: String, loadModel: (String) throws -> ModelDocument = ModelDocument.load
  ) throws -> CheckpointSchema {
    let bytes: [UInt8]
    if let document = BuiltInSchemas.document(name) {
      bytes = document
    } else {
      do {
        bytes = try read(name)
      } catch let error as FileSystemError {
        throw CheckpointError(
          kind: .usage,
          "'\(name)' is neither a built-in schema (\(BuiltInSchemas.names.joined(separator: ", "))) "
            + "nor a readable file: \(error.reason)",
          advice: suggestion(for: name, among: BuiltInSchemas.names))
      }
    }
    return try inFile(name) { try CheckpointSchema(bytes, loadModel: loadModel) }
  }

  static func parse(_ bytes: [UInt8]) throws -> CheckpointSchema {
    try CheckpointSchema(bytes, loadModel: ModelDocument.load)
  }

  static func read(_ path: String) throws -> [UInt8] {
    try DocumentFile.read(path, limit: maximumDocumentSize, kind: "a document")
  }
}
