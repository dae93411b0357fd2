internal import CPlatform

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The machine a command runs on.
package enum Machine {
  /// A path that leads to the running program even where its file was replaced; `nil` where the
  /// system has none.
  package static var selfLink: String? {
    let link = "/proc/self/exe"
    return unsafe access(link, X_OK) == 0 ? link : nil
  }

  /// The path of the running program.
  package static var executable: String {
    let resolved = unsafe realpath("/proc/self/exe", nil) ?? realpath(CommandLine.arguments[0], nil)
    defer { unsafe free(resolved) }
    return unsafe resolved.map { unsafe String(cString: $0) } ?? CommandLine.arguments[0]
  }

  /// Everything up to the end of `descriptor`: standard input is 0.
  package static func readAll(_ descriptor: CInt) throws(FileSystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .last("read", "standard input") }
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
  }

  /// Processors that this process may run on, at least one: a scheduler (Slurm's `--cpus-per-task`,
  /// `taskset`) may give it fewer than the machine has.
  package static var processorCount: Int {
    let allowed = Int(savi_allowed_processors())
    return allowed > 0 ? allowed : max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
  }

  /// Whether `count` bytes are to be had, as far as the limits of the process say. Swift ends the
  /// process where an allocation fails, so what is large is asked for first.
  package static func canAllocate(_ count: Int) -> Bool {
    let block = unsafe malloc(count)
    defer { unsafe free(block) }
    return unsafe block != nil || count == 0
  }

  /// Whether a file descriptor is a terminal.
  package static func isTerminal(_ descriptor: CInt) -> Bool { isatty(descriptor) == 1 }

  /// The value of a variable of the environment.
  package static func environment(_ name: String) -> String? {
    // The string is the environment's own, which nothing here changes.
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  /// The columns of the terminal that a file descriptor is; `nil` where it is none, or does not say.
  package static func terminalColumns(_ descriptor: CInt) -> Int? {
    var size = winsize()
    // The call fills in the structure it is given, and nothing where it fails.
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return nil
    }
    return Int(size.ws_col)
  }

  /// Writes all of `text` to a file descriptor.
  package static func write(_ text: String, to descriptor: CInt) throws(FileSystemError) {
    try write(Array(text.utf8), to: descriptor)
  }

  /// Writes all of `bytes` to a file descriptor.
  ///
  /// - Parameter path: the file that it is; without one, it is a standard stream.
  package static func write(
    _ bytes: [UInt8], to descriptor: CInt, path: String? = nil
  ) throws(FileSystemError) {
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
          action: "write to",
          path: path ?? (descriptor == 1 ? "standard output" : "standard error"), code: errno)
      }
      done += count
    }
  }

  #if canImport(Glibc)
    /// Bytes of address space that this process takes: the first field of /proc/self/statm, in pages.
    package static var addressSpace: UInt {
      let descriptor = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return 0 }
      defer { close(descriptor) }
      var buffer = [UInt8](repeating: 0, count: 64)
      let count = unsafe read(descriptor, &buffer, buffer.count)
      let digits = buffer.prefix(max(0, count)).prefix { $0 != 0x20 }
      let pages = UInt(String(decoding: digits, as: UTF8.self)) ?? 0
      return pages * UInt(sysconf(CInt(_SC_PAGESIZE)))
    }
  #endif
}
