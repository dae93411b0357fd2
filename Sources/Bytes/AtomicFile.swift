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
public final class AtomicFile: Sendable {
  public let path: String
  /// Where the bytes are until they are committed, for libraries that open files themselves.
  public let temporaryPath: String
  private let descriptor: CInt
  private let committed = Atomic(false)
  private let flushed = Atomic(false)

  /// Creates the temporary file beside `path`.
  ///
  /// - Parameter overwrite: whether a file already at `path` may be replaced; otherwise
  ///   `EEXIST` is thrown now, and again by `commit()` if one appears in between.
  public init(path: String, overwrite: Bool) throws(FileSystemError) {
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
  public static func isSamePlace(_ a: String, _ b: String) -> Bool { place(a) == place(b) }

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
    var attempt = 0
    while true {
      let candidate = "\(path).\(getpid())\(attempt == 0 ? "" : "-\(attempt)").partial"
      let (descriptor, code) = TemporaryFiles.shared.create(candidate)
      if descriptor >= 0 { return (candidate, descriptor) }
      guard code == EEXIST, attempt < 1000 else {
        throw FileSystemError(action: "create", path: named, code: code)
      }
      attempt += 1
    }
  }

  private let overwrite: Bool

  deinit {
    if !flushed.load(ordering: .relaxed) { close(descriptor) }
    if !committed.load(ordering: .relaxed) { unsafe unlink(temporaryPath) }
    TemporaryFiles.shared.remove(temporaryPath)
  }

  /// Writes all of `bytes` at `offset`.
  public func write(_ bytes: Span<UInt8>, at offset: Int) throws(FileSystemError) {
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
  public static func write(
    _ text: String, to path: String, overwrite: Bool
  ) throws(FileSystemError) {
    let file = try AtomicFile(path: path, overwrite: overwrite)
    let bytes = Array(text.utf8)
    try file.write(bytes.span, at: 0)
    try file.commit()
  }

  /// Flushes and closes the file, which keeps its temporary name; nothing more can be written.
  public func finish() throws(FileSystemError) {
    guard !flushed.exchange(true, ordering: .relaxed) else { return }
    let status = fsync(descriptor)
    let code = errno
    close(descriptor)
    guard status == 0 else { throw FileSystemError(action: "flush", path: path, code: code) }
  }

  /// Flushes the file, gives it its name, and flushes the folder.
  public func commit() throws(FileSystemError) {
    try finish()
    if overwrite {
      guard unsafe rename(temporaryPath, path) == 0 else {
        throw .last("rename the new file to", path)
      }
    } else {
      // A link fails where a file exists; a rename would replace it.
      guard unsafe link(temporaryPath, path) == 0 else { throw .last("create", path) }
      unsafe unlink(temporaryPath)
    }
    committed.store(true, ordering: .relaxed)
    flushFolder()
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

/// The temporary files of this process, so that an interrupt can remove them.
public final class TemporaryFiles: Sendable {
  public static let shared = TemporaryFiles()
  private let paths = Mutex(Set<String>())

  /// Creates a file that must not exist yet. An interrupt waits until it is on the list.
  func create(_ path: String) -> (descriptor: CInt, code: CInt) {
    paths.withLock { paths in
      let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      let code = errno
      if descriptor >= 0 { paths.insert(path) }
      return (descriptor, code)
    }
  }

  public func insert(_ path: String) { paths.withLock { _ = $0.insert(path) } }
  public func remove(_ path: String) { paths.withLock { _ = $0.remove(path) } }

  /// Deletes every unfinished file of this process.
  public func removeAll() {
    paths.withLock { paths in
      for path in paths { unsafe unlink(path) }
      paths.removeAll()
    }
  }
}
