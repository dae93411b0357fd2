import Bytes
import CheckpointCore
package import CheckpointMapping

extension CheckpointSchema {
  /// The built-in schema `name`, or the one in the YAML or JSON file at that path.
  ///
  /// - Throws: `CheckpointError` of wrong usage where it is neither; with the line and column where
  ///   the document has a mistake.
  public static func load(_ name: String) throws -> CheckpointSchema {
    try load(name, loadModel: ModelDocument.load)
  }

  /// - Parameter loadModel: gives the model document that a schema names.
  package static func load(
    _ name: String, loadModel: (String) throws -> ModelDocument
  ) throws -> CheckpointSchema {
    let bytes: [UInt8]
    if let document = BuiltInSchemas.document(name) {
      bytes = document
    } else {
      do {
        bytes = try ValidationDocument.read(name)
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

  /// Parses a YAML or JSON document; a model that it names is a built-in one, or a path.
  package init(_ bytes: [UInt8]) throws {
    try self.init(bytes, loadModel: ModelDocument.load)
  }
}

/// A file that the validation reads: a schema, a baseline.
package enum ValidationDocument {
  /// A document larger than this is none of ours.
  private static let maximumSize = 256 << 20

  package static func read(_ path: String) throws -> [UInt8] {
    try DocumentFile.read(path, limit: maximumSize, kind: "a document")
  }
}
