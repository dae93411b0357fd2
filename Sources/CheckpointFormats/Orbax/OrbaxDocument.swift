import Bytes
import CheckpointCore

/// The JSON documents beside the arrays of an Orbax folder.
enum OrbaxDocument {
  /// Larger than any tree of names; it is parsed in memory.
  private static let maximumSize = 512 << 20

  /// The document `name`; `nil` where there is none.
  ///
  /// - Throws: `CheckpointError`, naming the file, where it is no JSON.
  static func read(_ name: String, in folder: CheckpointFolder) throws -> JSONValue? {
    guard folder.isPresent(name) else { return nil }
    let file = try folder.file(name)
    guard file.size <= maximumSize else {
      throw CheckpointError(file: file.path, "\(file.size) bytes are too many for a tree of names")
    }
    do {
      return try JSONParser.parse(try file.readPrefix(file.size))
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    } catch let error as JSONParser.Failure {
      throw CheckpointError(
        file: file.path, "it is not valid JSON: \(error)",
        advice: "the file is damaged; fetch or save it again")
    }
  }
}
