import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A file that appears whole or not at all: written under a temporary name beside its target,
/// flushed, and renamed. Unless `commit()` succeeds, nothing is left behind.
///
/// `write(_:at:)` may be called from several threads, at any offsets.
package final class AtomicFile: Sendable {
  package let path: String
  /// Where the bytes are until they are committed, for libraries that open files themselves.
  package let temporaryPath: String
  private let descriptor: CInt
  private let flushed = Atomic(false)

  /// Creates the temporary file beside `path`.
  ///
  /// - Parameter overwrite: whether a file already at `path` may be replaced; otherwise
  ///   `EEXIST` is thrown now, and again by `commit()` if one appears in between.
  package init(path: String, overwrite: Bool) throws(FileSystemError) {
    var status = stat()
    if unsafe stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFREG else {
        let code = status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL
        throw FileSystemError(action: "write", path: path, code: code)
      }
      guard overwrite else { throw FileSystemError(action: "create", path: path, code: EEXIST) }
    }
    // A link is written through: its target is replaced, not the link itself.
    let target = unsafe realpath(path, nil)
    defer { unsafe free(target) }
    let resolved = unsafe target.map { unsafe String(cString: $0) } ?? path
    if unsafe target == nil, unsafe lstat(path, &status) == 0 {
      // Something has the name, but leads nowhere.
      throw FileSystemError(action: "follow the link to", path: path, code: ENOENT)
    }
    self.path = resolved
    self.overwrite = overwrite
    (temporaryPath, descriptor) = try Self.createTemporary(for: resolved, named: path)
  }

  /// Whether two paths lead to one file, or would once it exists.
  package static func isSamePlace(_ a: String, _ b: String) -> Bool { place(a) == place(b) }

  /// The path without links and dots, as far as it exists.
  private static func place(_ path: String) -> String {
    func real(_ path: String) -> String? {
      let resolved = unsafe realpath(path, nil)
      defer { unsafe free(resolved) }
      return unsafe resolved.map { unsafe String(cString: $0) }
    }
    if let whole = real(path) { return whole }
    guard let slash = path.lastIndex(of: "/") else { return (real(".") ?? ".") + "/" + path }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    return (real(folder) ?? folder) + path[slash...]
  }

  /// A new file beside `path`. A name that is taken is somebody else's.
  private static func createTemporary(
    for path: String, named: String
  ) throws(FileSystemError) -> (String, CInt) {
    let (folder, name) = split(path)
    var attempt = 0
    while true {
      let temporary = TemporaryName(target: name, process: getpid(), attempt: attempt)
      let candidate = folder + temporary.text
      let (descriptor, code) = TemporaryFiles.shared.create(candidate)
      if descriptor >= 0 { return (candidate, descriptor) }
      guard code == EEXIST, attempt < 1000 else {
        throw FileSystemError(action: "create", path: named, code: code)
      }
      attempt += 1
    }
  }

  /// The folder, with its slash or empty, and the name in it.
  private static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return ("", path) }
    return (String(path[...slash]), String(path[path.index(after: slash)...]))
  }

  /// A file's name as the names of its temporary files begin: long ones are shortened.
  package static func nameInTemporaries(of name: String) -> String { TemporaryName.shortened(name) }

  /// Deletes what a run that was killed left of the outputs that lie beside `path` under a name
  /// that `isOutput` takes, as `nameInTemporaries` gives it; without it, of `path` itself.
  package static func sweepLeftovers(
    of path: String, outputs isOutput: ((String) -> Bool)? = nil
  ) {
    let (folder, name) = split(path)
    let own = TemporaryName.shortened(name)
    TemporaryFiles.sweep(folder.isEmpty ? "." : folder, outputs: isOutput ?? { $0 == own })
  }

  private let overwrite: Bool

  deinit {
    if !flushed.load(ordering: .relaxed) { close(descriptor) }
    TemporaryFiles.shared.remove(temporaryPath)
  }

  /// Writes all of `bytes` at `offset`.
  package func write(_ bytes: Span<UInt8>, at offset: Int) throws(FileSystemError) {
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe pwrite(
          descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw .last("write to", path)
      }
      done += count
    }
  }

  /// Writes a whole text to `path`.
  package static func write(
    _ text: String, to path: String, overwrite: Bool
  ) throws(FileSystemError) {
    let file = try AtomicFile(path: path, overwrite: overwrite)
    let bytes = Array(text.utf8)
    try file.write(bytes.span, at: 0)
    try file.commit()
  }

  /// Flushes and closes the file, which keeps its temporary name; nothing more can be written.
  package func finish() throws(FileSystemError) {
    guard !flushed.exchange(true, ordering: .relaxed) else { return }
    if overwrite { takeOverAccess() }
    let status = fsync(descriptor)
    let code = errno
    close(descriptor)
    guard status == 0 else { throw FileSystemError(action: "flush", path: path, code: code) }
  }

  /// Gives the new file the owner, the group and the mode of the one that it replaces. Only the
  /// superuser can give files away; then the file is the user's, as an editor would leave it.
  private func takeOverAccess() {
    var old = stat()
    guard unsafe stat(path, &old) == 0 else { return }
    if fchown(descriptor, old.st_uid, old.st_gid) != 0 {
      _ = fchown(descriptor, uid_t.max, old.st_gid)
    }
    _ = fchmod(descriptor, old.st_mode & 0o7777)
  }

  /// Flushes the file, gives it its name, and flushes the folder.
  package func commit() throws(FileSystemError) { try Self.commit([self]) }

  /// Commits `files` in their order and in one turn: an interrupt comes before the first or after the
  /// last. Where one cannot be, those that replaced nothing are taken away again.
  package static func commit(_ files: [AtomicFile]) throws(FileSystemError) {
    for file in files { try file.finish() }
    let failure = TemporaryFiles.shared.inTurn { () -> FileSystemError? in
      for (index, file) in files.enumerated() {
        guard let failure = file.move() else { continue }
        for done in files[..<index] where !done.overwrite { unsafe unlink(done.path) }
        return failure
      }
      return nil
    }
    if let failure { throw failure }
    for file in files {
      TemporaryFiles.shared.forget(file.temporaryPath)
      file.flushFolder()
    }
  }

  /// Gives the file its name.
  private func move() -> FileSystemError? {
    let code =
      overwrite
      ? (unsafe rename(temporaryPath, path) == 0 ? 0 : errno)
      : RenameWithoutReplacing.move(temporaryPath, to: path)
    guard code != 0 else { return nil }
    return FileSystemError(
      action: overwrite ? "rename the new file to" : "create", path: path, code: code)
  }

  /// The file is in place already; a file system that cannot flush a folder is no failure.
  private func flushFolder() {
    let end = path.lastIndex(of: "/")
    let folder = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let handle = unsafe open(folder, O_RDONLY | O_CLOEXEC)
    guard handle >= 0 else { return }
    fsync(handle)
    close(handle)
  }
}
