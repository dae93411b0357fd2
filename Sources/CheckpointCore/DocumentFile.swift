import Bytes

/// A document on disk: a model, a schema, a baseline, a certificate.
package enum DocumentFile {
  /// The bytes of the file, which must be no larger than any document of its kind.
  ///
  /// - Throws: `FileSystemError` where it cannot be read, `CheckpointError` where it is too large.
  package static func read(_ path: String, limit: Int, kind: String) throws -> [UInt8] {
    let file = try RandomAccessFile(path: path)
    guard file.size <= limit else {
      throw CheckpointError(file: path, "\(file.size) bytes are too many for \(kind)")
    }
    return try file.readPrefix(file.size)
  }
}

/// Runs `body`, whose errors are about `path` where they name no other file.
package func inFile<R>(_ path: String, _ body: () throws -> R) throws -> R {
  do {
    return try body()
  } catch let error as CheckpointError where error.kind != .usage {
    throw error.inFile(path)
  }
}
