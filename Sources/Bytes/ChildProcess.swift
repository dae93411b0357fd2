#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A program that is run to its end for what it writes.
package enum ChildProcess {
  package enum End: Sendable, Equatable {
    case exited(CInt)
    case signalled(CInt)
    /// It wrote more than was allowed, and was ended.
    case tooMuchOutput
  }

  /// Runs `program`, without input.
  ///
  /// - Parameters:
  ///   - arguments: the whole list, the program's own name first.
  ///   - environment: added to this process's own.
  ///   - maximumOutput: bytes.
  ///   - maximumError: how many of the last bytes of its standard error are kept; without it, what it
  ///     says there goes nowhere.
  /// - Throws: `FileSystemError` where it cannot be started.
  package static func run(
    _ program: String, arguments: [String], environment: [String: String], maximumOutput: Int,
    maximumError: Int? = nil
  ) throws(FileSystemError) -> (output: [UInt8], error: [UInt8], end: End) {
    let output = try PipeEnds(program)
    let error = try maximumError.map { _ throws(FileSystemError) in try PipeEnds(program) }
    let child = try spawn(
      program, arguments, environment, output: output.writing, error: error?.writing)
    output.closeWriting()
    error?.closeWriting()
    let collected = collect(
      output.reading, limit: maximumOutput, error?.reading, keeping: maximumError ?? 0)
    if collected == nil { kill(child, SIGKILL) }
    var status: CInt = 0
    while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
    guard let collected else { return ([], [], .tooMuchOutput) }
    let signal = status & 0x7F
    return (
      collected.output, collected.error,
      signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
    )
  }

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String: String], output: CInt,
    error: CInt?
  ) throws(FileSystemError) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    if let error {
      unsafe posix_spawn_file_actions_adddup2(&actions, error, 2)
    } else {
      unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    // Whatever this process does with signals, the child ends at them.
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    for number in [SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGINT, SIGTERM, SIGHUP, SIGPIPE] {
      unsafe sigaddset(&signals, number)
    }
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    unsafe posix_spawnattr_setflags(
      &attributes, CShort(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    let list = unsafe arguments.map { unsafe strdup($0) } + [nil]
    let variables = unsafe merged(environment).map { unsafe strdup($0) } + [nil]
    defer { unsafe (list + variables).forEach { unsafe free($0) } }
    var child: pid_t = 0
    let code = unsafe posix_spawn(&child, program, &actions, &attributes, list, variables)
    guard code == 0 else { throw FileSystemError(action: "run", path: program, code: code) }
    return child
  }

  /// This process's environment as `NAME=VALUE`, with `added` in place of what has its names.
  private static func merged(_ added: [String: String]) -> [String] {
    var result: [String] = []
    var next = unsafe environ
    while let entry = unsafe next.pointee {
      let text = unsafe String(cString: entry)
      if added[String(text.prefix { $0 != "=" })] == nil { result.append(text) }
      unsafe next += 1
    }
    return result + added.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
  }

  /// Everything up to the end of both; `nil` where there is more output than `limit`.
  private static func collect(
    _ output: CInt, limit: Int, _ error: CInt?, keeping errorLimit: Int
  ) -> (output: [UInt8], error: [UInt8])? {
    var result: (output: [UInt8], error: [UInt8]) = ([], [])
    var waiting = [pollfd(fd: output, events: CShort(POLLIN), revents: 0)]
    if let error { waiting.append(pollfd(fd: error, events: CShort(POLLIN), revents: 0)) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while !waiting.isEmpty {
      guard unsafe poll(&waiting, nfds_t(waiting.count), -1) >= 0 else {
        if errno == EINTR { continue }
        return result
      }
      var ended: Set<CInt> = []
      for item in waiting where item.revents != 0 {
        let count = unsafe read(item.fd, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          ended.insert(item.fd)
          continue
        }
        if item.fd == output {
          guard result.output.count + count <= limit else { return nil }
          result.output += buffer[..<count]
        } else {
          result.error = (result.error + buffer[..<count]).suffix(errorLimit)
        }
      }
      waiting.removeAll { ended.contains($0.fd) }
    }
    return result
  }
}

/// The two ends of a pipe, which no child but the one that is given them gets.
private final class PipeEnds {
  let reading: CInt
  let writing: CInt
  private var isWritingOpen = true

  /// - Parameter program: whom it is for.
  init(_ program: String) throws(FileSystemError) {
    var ends: [CInt] = [0, 0]
    guard unsafe pipe(&ends) == 0 else { throw .last("open a pipe to", program) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (reading, writing) = (ends[0], ends[1])
  }

  func closeWriting() {
    if isWritingOpen { close(writing) }
    isWritingOpen = false
  }

  deinit {
    closeWriting()
    close(reading)
  }
}
