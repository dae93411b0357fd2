import Bytes
import CheckpointCore
import CheckpointMapping

/// Model documents by what a command line calls them.
enum Models {
  /// A document larger than this is no mapping.
  private static let maximumDocumentSize = 64 << 20

  /// The built-in model `name`, or the document at that path.
  static func load(_ name: String) throws -> ModelDocument {
    if let model = try BuiltInModels.model(name) { return model }
    let bytes: [UInt8]
    do {
      bytes = try DocumentFile.read(name, limit: maximumDocumentSize, kind: "a model document")
    } catch let error as FileSystemError {
      throw CheckpointError(
        kind: .usage,
        "'\(name)' is neither a built-in model (\(BuiltInModels.names.joined(separator: ", "))) "
          + "nor a readable model document: \(error.reason)",
        advice: suggestion(for: name, among: BuiltInModels.names))
    }
    return try inFile(name) { try ModelDocument(json: bytes) }
  }

  static func all() throws -> [ModelDocument] {
    try BuiltInModels.names.compactMap { try BuiltInModels.model($0) }
  }
}
