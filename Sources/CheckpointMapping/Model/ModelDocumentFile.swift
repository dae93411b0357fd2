import Bytes
import CheckpointCore

extension ModelDocument {
  /// A document larger than this is no mapping.
  private static let maximumSize = 64 << 20

  /// Whether the file at `path` is meant for a document rather than for a checkpoint: JSON that is
  /// not the index of a set of shards. A word that is no path is meant for a built-in model's name.
  package static func isDocument(_ path: String) -> Bool {
    guard !Folder.exists(path) else { return false }
    guard let file = try? RandomAccessFile(path: path) else {
      return !path.contains { "./".contains($0) }
    }
    let start = (try? file.readPrefix(Swift.min(file.size, 64))) ?? []
    let first = start.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    guard first == UInt8(ascii: "{"), file.size <= maximumSize,
      let bytes = try? file.readPrefix(file.size), let value = try? JSONParser.parse(bytes)
    else { return first == UInt8(ascii: "[") || first == UInt8(ascii: "{") }
    return value["weight_map"] == nil
  }

  /// The built-in model `name`, or the document at that path.
  package static func load(_ name: String) throws -> ModelDocument {
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
