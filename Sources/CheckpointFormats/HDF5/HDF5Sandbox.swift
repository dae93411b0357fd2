import Bytes
import CHDF5
import CheckpointCore

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
/// The child of a fork may not rely on locks that other threads held. It runs libhdf5, whose first
/// use in the process this is, and allocates, which the C library makes safe; should it hang all
/// the same, the parent's patience ends it.
enum HDF5Sandbox {
  /// Describing the largest checkpoints takes well under a second.
  private static let patienceSeconds: CInt = 60
  private static let processorSeconds: UInt = 30
  /// Beyond the memory the process has already: libhdf5's metadata cache takes a few MiB.
  private static let memoryLimit: UInt = 2 << 30
  /// An index larger than this describes millions of chunks.
  private static let maximumIndexSize = 1 << 30

  static func index(of path: String) throws -> HDF5Index {
    var ends: [CInt] = [0, 0]
    guard unsafe pipe(&ends) == 0 else {
      throw CheckpointError("cannot make a pipe: \(unsafe String(cString: strerror(errno)))")
    }
    let child = savi_fork()
    guard child >= 0 else {
      for end in ends { close(end) }
      throw CheckpointError("cannot start a process: \(unsafe String(cString: strerror(errno)))")
    }
    if child == 0 {
      close(ends[0])
      runChild(path, ends[1])
    }
    close(ends[1])
    defer { close(ends[0]) }
    let (bytes, isLate) = collect(from: ends[0])
    if isLate { kill(child, SIGKILL) }
    var status: CInt = 0
    while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
    return try decode(bytes, status: status, isLate: isLate)
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

  /// Everything the child writes, or what came before patience ended.
  private static func collect(from descriptor: CInt) -> (bytes: [UInt8], isLate: Bool) {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let deadline = time(nil) + Int(patienceSeconds)
    while true {
      var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = unsafe poll(&poller, 1, 1000)
      if time(nil) >= deadline { return (bytes, true) }
      if ready < 0, errno != EINTR { return (bytes, true) }
      guard ready > 0 else { continue }
      let count = unsafe read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0, bytes.count + count <= maximumIndexSize else {
        return (bytes, count > 0)
      }
      bytes += buffer[..<count]
    }
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
    let descriptor = unsafe open("/proc/self/statm", O_RDONLY)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = unsafe read(descriptor, &buffer, buffer.count)
    let digits = buffer.prefix(max(0, count)).prefix { (0x30...0x39).contains($0) }
    return (UInt(String(decoding: digits, as: UTF8.self)) ?? 0) * UInt(sysconf(CInt(_SC_PAGESIZE)))
  }
}
