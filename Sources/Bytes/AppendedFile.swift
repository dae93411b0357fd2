#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A file that grows at its end, line by line, and whose lines stay once they are there.
package final class AppendedFile {
  private let path: String
  private let descriptor: CInt
  /// Whether this process alone is to write to it.
  package let isLocked: Bool

  /// Opens the file at `path`, which is made where there is none.
  package init(path: String) throws(FileSystemError) {
    self.path = path
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .last("write to", path) }
    // A file system without locks cannot tell; then nobody is said to hold it.
    isLocked = flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
  }

  deinit { close(descriptor) }

  /// Drops everything from `size` bytes on.
  package func cut(at size: Int) throws(FileSystemError) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw .last("shorten", path) }
  }

  /// Adds `text` at the end and flushes it to the disk.
  package func append(_ text: String) throws(FileSystemError) {
    try Machine.write(Array(text.utf8), to: descriptor, path: path)
    guard fsync(descriptor) == 0 else { throw .last("flush", path) }
  }
}
