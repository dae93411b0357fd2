import Bytes
import CheckpointCore

/// What another command printed as JSON, to be shown in a report.
enum ReportDocument {
  /// More than any command prints.
  private static let maximumSize = 256 << 20

  /// - Parameters:
  ///   - key: a member that tells the document from others.
  ///   - command: the command that prints such a document.
  static func read(_ path: String, holding key: String, madeBy command: String) throws -> JSONValue
  {
    do {
      let bytes = try DocumentFile.read(path, limit: maximumSize, kind: "a command's output")
      if let value = try? JSONParser.parse(bytes), value[key] != nil { return value }
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
    throw CheckpointError(
      file: path, "this is not what 'savi-ckpt \(command)' prints",
      advice: "save that command's output in a file and name it here")
  }
}
