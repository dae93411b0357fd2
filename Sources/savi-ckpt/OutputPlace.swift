import Bytes
import CheckpointCore

/// The place of a file to be written.
enum OutputPlace {
  /// Refuses what could not be written, before any work is done: a file in the way, a folder that
  /// is missing or closed to us.
  static func check(_ path: String, overwrite: Bool) throws {
    // Making the temporary file is the test; it goes away with its owner.
    _ = try AtomicFile(path: path, overwrite: overwrite)
  }

  /// Refuses to write one file over another that the same command reads or writes.
  static func checkDistinct(_ path: String, from others: [String], option: String) throws {
    for other in others where AtomicFile.isSamePlace(path, other) {
      throw CheckpointError(
        kind: .usage, file: path, "\(option) names a file that this command reads or writes itself",
        advice: "choose another name for it")
    }
  }
}
