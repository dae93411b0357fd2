import Bytes
import CheckpointCore

/// What git leaves of a large file that was not fetched: a text of less than 1,024 bytes.
/// Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md.
enum GitLFSPointer {
  private static let beginning = Array("version https://git-lfs.github.com/spec/".utf8)
  private static let maximumSize = 1024

  static func matches(_ prefix: [UInt8]) -> Bool { prefix.starts(with: beginning) }

  static var refusal: CheckpointError {
    CheckpointError(
      "this is a git-LFS pointer, not the file it stands for", advice: "run 'git lfs pull'")
  }

  /// - Throws: `CheckpointError`, naming the file, where it is a pointer.
  static func refuse(_ file: RandomAccessFile) throws {
    guard file.size < maximumSize else { return }
    do {
      if matches(try file.readPrefix(beginning.count)) { throw refusal.inFile(file.path) }
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
  }
}
