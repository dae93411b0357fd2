import Bytes
import CHDF5
import CheckpointCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Runs libhdf5 on a file in a process of its own, with limits.
///
/// libhdf5 does not withstand damaged files: the versions in use crash or loop on B-trees with
/// cycles and accept sizes that wrap. So it only ever *describes* a file here, in a forked child
/// that may crash, hang or run out of memory without harm; the parent then reads the elements
/// itself, at offsets it has checked, and inflates chunks into buffers whose size it knows. That is
/// also faster: libhdf5 serialises all its calls.
///
/// The child of a fork must not wait for a lock that another thread held. The C library makes
/// allocation safe; `library` keeps other threads out of libhdf5 meanwhile; and a child that sleeps
/// instead of working, as one that waits for any other lock does, is ended and begun anew.
enum HDF5Sandbox {
  /// Held while this process uses libhdf5 itself, and while it forks.
  static let library = Mutex(())
  private static let maximumAttempts = 5

  /// Describing the largest checkpoints takes well under a second.
  private static let patienceSeconds: CInt = 60
  private static let processorSeconds: UInt = 30
  /// Beyond the memory the process has already: libhdf5's metadata cache takes a few MiB.
  private static let memoryLimit: UInt = 2 << 30
  /// An index larger than this describes millions of chunks.
  private static let maximumIndexSize = 1 << 30

  static func index(of path: String) throws -> HDF5Index {
    for _ in 1..<maximumAttempts {
      if let index = try attempt(path) { return index }
    }
    guard let index = try attempt(path) else {
      throw CheckpointError(
        "the process that describes this HDF5 file keeps waiting for a lock",
        advice: "try again with fewer threads at work")
    }
    return index
  }

  /// `nil` where the child slept instead of working.
  private static func attempt(_ path: String) throws -> HDF5Index? {
    var ends: [CInt] = [0, 0]
    guard unsafe pipe(&ends) == 0 else {
      throw CheckpointError("cannot make a pipe: \(unsafe String(cString: strerror(errno)))")
    }
    let (readEnd, writeEnd) = (ends[0], ends[1])
    let child = library.withLock { _ in
      let child = savi_fork()
      // The child never leaves here: the lock is its parent's, and not its own to give back.
      if child == 0 {
        close(readEnd)
        runChild(path, writeEnd)
      }
      return child
    }
    guard child >= 0 else {
      for end in ends { close(end) }
      throw CheckpointError("cannot start a process: \(unsafe String(cString: strerror(errno)))")
    }
    close(writeEnd)
    defer { close(readEnd) }
    let (bytes, end) = collect(from: readEnd, child: child)
    if end != .finished { kill(child, SIGKILL) }
    var status: CInt = 0
    while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
    if end == .asleep { return nil }
    return try decode(bytes, status: status, isLate: end == .late)
  }

  private static func decode(
    _ bytes: [UInt8], status: CInt, isLate: Bool
  ) throws -> HDF5Index {
    let damaged = "the file is damaged; fetch or save it again"
    let signal = status & 0x7F
    guard !isLate, signal == 0 || signal == SIGPIPE else {
      throw CheckpointError(
        isLate || signal == SIGXCPU || signal == SIGKILL
          ? "libhdf5 did not finish describing this HDF5 file"
          : "libhdf5 crashed on this HDF5 file (signal \(signal))",
        advice: damaged)
    }
    guard let kind = bytes.first else {
      throw CheckpointError("libhdf5 gave up on this HDF5 file", advice: damaged)
    }
    guard kind == 1 else {
      throw CheckpointError(
        String(decoding: bytes.dropFirst(), as: UTF8.self), advice: damaged)
    }
    do {
      return try HDF5Index(decoding: Array(bytes.dropFirst()))
    } catch {
      throw CheckpointError(error, reading: "the description of this HDF5 file")
    }
  }

  private enum End { case finished, late, asleep }

  /// Everything the child writes, or what came before it was given up.
  private static func collect(
    from descriptor: CInt, child: pid_t
  ) -> (bytes: [UInt8], end: End) {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let deadline = time(nil) + Int(patienceSeconds)
    var naps = 0
    while true {
      var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = unsafe poll(&poller, 1, 250)
      if time(nil) >= deadline || (ready < 0 && errno != EINTR) { return (bytes, .late) }
      guard ready > 0 else {
        naps = isAsleep(child) ? naps + 1 : 0
        if naps >= 4 { return (bytes, .asleep) }
        continue
      }
      naps = 0
      let count = unsafe read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0, bytes.count + count <= maximumIndexSize else {
        return (bytes, count > 0 ? .late : .finished)
      }
      bytes += buffer[..<count]
    }
  }

  /// Whether a process sleeps: neither runs nor waits for a disk. Only Linux tells.
  private static func isAsleep(_ process: pid_t) -> Bool {
    // "PID (NAME) STATE …"; the name is this program's.
    let text = readText("/proc/\(process)/stat")
    return text.split(separator: ")").last?.dropFirst().first == "S"
  }

  /// The beginning of a small file of the system.
  private static func readText(_ path: String) -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 512)
    let count = unsafe read(descriptor, &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
  }

  /// The child: one byte for success or failure, then the index or the message.
  private static func runChild(_ path: String, _ descriptor: CInt) -> Never {
    // A crash here is expected of damaged files: it must be quick and leave nothing behind.
    for number in [SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGINT, SIGTERM, SIGHUP] {
      _ = signal(number, SIG_DFL)
    }
    savi_no_core_file()
    savi_limit_cpu(processorSeconds)
    #if canImport(Glibc)
      savi_limit_memory(currentMemory() + memoryLimit)
    #endif
    var reply: [UInt8]
    do {
      reply = [1] + (try HDF5Scanner.scan(path)).encoded()
    } catch {
      reply = [0] + Array("\(error)".utf8)
    }
    var done = 0
    while done < reply.count {
      let count = unsafe reply.withUnsafeBytes { buffer in
        unsafe write(descriptor, buffer.baseAddress! + done, buffer.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      done += count
    }
    // Without the parent's exit handlers and buffers.
    _exit(0)
  }

  /// The address space in use, from the first field of /proc/self/statm, in pages.
  private static func currentMemory() -> UInt {
    let pages = readText("/proc/self/statm").split(separator: " ").first.flatMap { UInt($0) }
    return (pages ?? 0) * UInt(sysconf(CInt(_SC_PAGESIZE)))
  }
}
