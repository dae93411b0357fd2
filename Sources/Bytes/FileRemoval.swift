#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Deleting files.
package enum FileRemoval {
  /// Deletes the file at `path`, where there is one.
  package static func remove(_ path: String) throws(FileSystemError) {
    guard unsafe unlink(path) != 0, errno != ENOENT else { return }
    throw .last("delete", path)
  }
}
