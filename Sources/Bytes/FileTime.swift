#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Times of files.
public enum FileTime {
  /// When the file at `path` was changed last, in nanoseconds since 1970.
  public static func modified(_ path: String) throws(FileSystemError) -> Int {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw .last("inspect", path) }
    #if canImport(Glibc)
      let time = status.st_mtim
    #else
      let time = status.st_mtimespec
    #endif
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
