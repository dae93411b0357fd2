package import Bytes
import CheckpointCore

/// A checkpoint that is written and waits for its name. Given up, it leaves nothing behind.
package struct StagedCheckpoint: Sendable {
  /// What names the whole once it is committed: the file, or a set's index.
  package let path: String
  /// One sentence for each thing that the format holds in another form.
  package let notes: [String]
  /// The files that hold tensors, each a checkpoint by itself.
  let parts: [AtomicFile]
  let index: AtomicFile?

  /// The parts, opened where they wait, as `options` says.
  package func openedParts(_ options: ReadOptions = ReadOptions()) throws -> [Checkpoint] {
    do {
      for part in parts { try part.finish() }
      return try parts.map {
        try Checkpoint(path: $0.path, at: $0.temporaryPath, options)
      }
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
  }

  /// Gives every file its name, the one that names the whole last, and `others` after them: all of
  /// them, or none of those that replace nothing.
  package func commit(with others: [AtomicFile] = []) throws {
    do {
      try AtomicFile.commit(parts + (index.map { [$0] } ?? []) + others)
    } catch {
      throw CheckpointError(error)
    }
  }
}
