import Bytes
import CheckpointCore

/// The strings that a safetensors file carries beside its tensors.
package enum SafetensorsStrings {
  /// The string under `key`; `nil` where there is none, or the file is of another format.
  ///
  /// - Throws: `CheckpointError`, naming the file, where it cannot be read.
  package static func read(_ key: String, in path: String) throws -> String? {
    do {
      let file = try RandomAccessFile(path: path)
      guard SafetensorsHeader.matches(try file.readPrefix(9)) else { return nil }
      return try SafetensorsHeader(file).metadata.first { $0.key == key }?.value
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    } catch let error as CheckpointError {
      throw error.inFile(path)
    }
  }
}
