#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the file system says of a file without opening it.
package struct FileState: Sendable, Equatable {
  /// Bytes.
  package let size: Int
  /// When it was changed last, in nanoseconds since 1970.
  package let modified: Int

  /// - Throws: `FileSystemError` where there is no such file.
  package init(of path: String) throws(FileSystemError) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw .last("inspect", path) }
    #if canImport(Glibc)
      let time = status.st_mtim
    #else
      let time = status.st_mtimespec
    #endif
    size = Int(status.st_size)
    modified = time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
