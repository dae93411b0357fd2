import Bytes
import CheckpointFormats

/// Of a checkpoint's files what the file system says without opening them.
package struct FleetFileState: Sendable, Equatable {
  package let byteCount: Int
  /// When the newest was changed, in nanoseconds since 1970.
  package let modified: Int

  init(byteCount: Int, modified: Int) { (self.byteCount, self.modified) = (byteCount, modified) }

  /// - Returns: `nil` where one of the files is missing.
  package init?(of path: String) {
    guard let files = try? Checkpoint.files(at: path) else { return nil }
    var (bytes, newest) = (0, 0)
    for file in files {
      guard let state = try? FileState(of: file) else { return nil }
      bytes += state.size
      newest = max(newest, state.modified)
    }
    self.init(byteCount: bytes, modified: newest)
  }
}
