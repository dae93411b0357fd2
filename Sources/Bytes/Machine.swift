#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The machine a command runs on.
public enum Machine {
  /// Processors that are online, at least one.
  public static var processorCount: Int { max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }

  /// Whether a file descriptor is a terminal.
  public static func isTerminal(_ descriptor: CInt) -> Bool { isatty(descriptor) == 1 }

  /// Writes all of `text` to a file descriptor.
  public static func write(_ text: String, to descriptor: CInt) throws(FileSystemError) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        #if canImport(Glibc)
          unsafe Glibc.write(descriptor, buffer.baseAddress! + done, buffer.count - done)
        #else
          unsafe Darwin.write(descriptor, buffer.baseAddress! + done, buffer.count - done)
        #endif
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileSystemError(
          action: "write to", path: descriptor == 1 ? "standard output" : "standard error",
          code: errno)
      }
      done += count
    }
  }
}
