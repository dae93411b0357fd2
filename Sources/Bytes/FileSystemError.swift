#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A system call on a file failed.
package struct FileSystemError: Error, Equatable {
  /// What was being done, as a verb phrase: "open", "write to".
  package let action: String
  package let path: String
  /// The value of `errno`, or zero where the file ended early.
  package let code: CInt

  package init(action: String, path: String, code: CInt) {
    self.action = action
    self.path = path
    self.code = code
  }

  static func last(_ action: String, _ path: String) -> FileSystemError {
    FileSystemError(action: action, path: path, code: errno)
  }

  /// Whether there is no such file.
  package var isMissingFile: Bool { code == ENOENT }

  /// The system's own sentence for the failure.
  package var reason: String {
    switch code {
    case 0: "the file ended early; it may have been truncated while it was read"
    case ESTALE: "another file took its place while it was read"
    default: unsafe String(cString: strerror(code))
    }
  }
}
