import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The temporary files of this process, so that an interrupt can remove them.
///
/// Whatever makes such a file or gives it its final name does so in turn with the others, and an
/// interrupt's turn is the last: nothing is made, renamed or complained of once removal has begun.
package final class TemporaryFiles: Sendable {
  package static let shared = TemporaryFiles()
  private let paths = Mutex(Set<String>())

  /// Creates a file that must not exist yet.
  func create(_ path: String) -> (descriptor: CInt, code: CInt) {
    paths.withLock { paths in
      let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      let code = errno
      guard descriptor >= 0 else { return (descriptor, code) }
      paths.insert(path)
      // Tells a later run that the file has an owner, in whichever container that lives.
      flock(descriptor, LOCK_EX | LOCK_NB)
      return (descriptor, 0)
    }
  }

  /// Creates a file of a name that nothing has yet: `prefix` and six characters.
  package func createUnique(
    _ prefix: String
  ) throws(FileSystemError) -> (path: String, descriptor: CInt) {
    var template = Array((prefix + "XXXXXX").utf8CString)
    let (descriptor, code) = paths.withLock { paths in
      let descriptor = unsafe mkstemp(&template)
      let code = errno
      if descriptor >= 0 { paths.insert(Self.text(template)) }
      return (descriptor, code)
    }
    guard descriptor >= 0 else {
      throw FileSystemError(action: "create a file at", path: prefix, code: code)
    }
    return (Self.text(template), descriptor)
  }

  private static func text(_ name: [CChar]) -> String {
    String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Runs `body`, which opens a temporary file by its path or gives it another name.
  package func inTurn<R>(_ body: () throws -> R) rethrows -> R {
    try paths.withLock { _ in try body() }
  }

  /// Takes the file at `path` off the list, as one that is in its place.
  func forget(_ path: String) { paths.withLock { _ = $0.remove(path) } }

  /// Deletes the file at `path`, which is given up.
  package func remove(_ path: String) {
    paths.withLock { paths in
      if paths.remove(path) != nil { unsafe unlink(path) }
    }
  }

  /// Deletes every unfinished file of this process, then calls `end`, which must end the process.
  package func removeAll(thenEnd end: () -> Never) -> Never {
    paths.withLock { paths in
      for path in paths { unsafe unlink(path) }
      end()
    }
  }
}

/// The name of a temporary file: `TARGET.PID.partial`, or `TARGET.PID-N.partial`.
struct TemporaryName: Equatable {
  /// The name of the file that it is to become, its middle left out where there is no room for it.
  let target: String
  let process: pid_t
  /// Tells apart several of one process.
  let attempt: Int

  /// File systems allow 255 bytes (POSIX's NAME_MAX).
  private static let maximumBytes = 255
  private static let suffix = ".partial"

  init(target: String, process: pid_t, attempt: Int) {
    self.target = Self.shortened(target)
    self.process = process
    self.attempt = attempt
  }

  /// The target as it stands in the name of its temporary files.
  static func shortened(_ target: String) -> String {
    // ".", the largest process number, "-", 1000 attempts.
    let room = maximumBytes - suffix.utf8.count - 17
    guard target.utf8.count > room else { return target }
    var end = target.utf8.index(target.startIndex, offsetBy: room - tail)
    while end > target.startIndex, end.samePosition(in: target.unicodeScalars) == nil {
      end = target.utf8.index(before: end)
    }
    var rest = target.utf8.index(target.endIndex, offsetBy: -tail)
    while rest < target.endIndex, rest.samePosition(in: target.unicodeScalars) == nil {
      rest = target.utf8.index(after: rest)
    }
    return String(target[..<end]) + String(target[rest...])
  }

  /// As many bytes of a long name's end are kept: they tell a shard from the others.
  private static let tail = 64

  var text: String {
    "\(target).\(process)\(attempt == 0 ? "" : "-\(attempt)")\(Self.suffix)"
  }

  /// `nil` for a name of another form.
  init?(_ name: String) {
    guard name.hasSuffix(Self.suffix) else { return nil }
    let rest = name.dropLast(Self.suffix.count)
    guard let dot = rest.lastIndex(of: ".") else { return nil }
    let numbers = rest[rest.index(after: dot)...].split(
      separator: "-", omittingEmptySubsequences: false
    ).map { pid_t($0) }
    guard (1...2).contains(numbers.count), let process = numbers[0], process > 0,
      let attempt = numbers.count == 2 ? numbers[1] : 0, attempt >= 0
    else { return nil }
    target = String(rest[..<dot])
    self.process = process
    self.attempt = Int(attempt)
  }
}

extension TemporaryFiles {
  /// Deletes what a run that was killed left behind in `folder` of the outputs that `isOutput`
  /// names. The files of one process belong together: one that is still held keeps them all.
  package static func sweep(_ folder: String, outputs isOutput: (String) -> Bool) {
    // A folder that cannot be listed is reported by whoever writes into it.
    guard let names = try? Folder.contents(folder) else { return }
    let leftovers = names.compactMap { name in
      TemporaryName(name).flatMap { isOutput($0.target) ? (name, $0) : nil }
    }
    for (process, files) in Dictionary(grouping: leftovers, by: \.1.process) {
      guard kill(process, 0) != 0, errno == ESRCH else { continue }
      let paths = files.map { "\(folder)/\($0.0)" }
      guard paths.allSatisfy(isAbandoned) else { continue }
      for path in paths { unsafe unlink(path) }
      for target in Set(files.map(\.1.target)) { removeReservation("\(folder)/\(target)") }
    }
  }

  /// Deletes the empty file by which a run that was killed held the name of its output
  /// (`RenameWithoutReplacing.reserve`).
  private static func removeReservation(_ path: String) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_size == 0, isAbandoned(path) else { return }
    unsafe unlink(path)
  }

  /// Whether the file is ours to delete, and nobody holds it.
  private static func isAbandoned(_ path: String) -> Bool {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_uid == geteuid()
    else { return false }
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0
  }
}
