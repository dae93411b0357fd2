import Bytes
import CheckpointCore

extension ModelDocument {
  /// A document larger than this is no mapping.
  private static let maximumSize = 64 << 20

  /// The built-in model `name`, or the document at that path.
  public static func load(_ name: String) throws -> ModelDocument {
    if let model = try BuiltInModels.model(name) { return model }
    let bytes: [UInt8]
    do {
      bytes = try DocumentFile.read(name, limit: maximumSize, kind: "a model document")
    } catch let error as FileSystemError {
      throw CheckpointError(
        kind: .usage,
        "'\(name)' is neither a built-in model (\(BuiltInModels.names.joined(separator: ", "))) "
          + "nor a readable model document: \(error.reason)",
        advice: suggestion(for: name, among: BuiltInModels.names))
    }
    return try inFile(name) { try ModelDocument(json: bytes) }
  }
}
