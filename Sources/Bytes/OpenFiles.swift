import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The descriptors of the files that are read. A checkpoint can have thousands of files, and a process
/// may have some hundred open: the one that was read least recently is closed, and opened again
/// when it is read.
enum OpenFiles {
  /// Files that stay open while nobody reads them.
  static let limit = 32

  private struct Entry {
    let descriptor: CInt
    /// Who reads at this moment.
    var readers: Int
    var lastUse: Int
  }

  private struct State {
    var entries: [Int: Entry] = [:]
    var uses = 0
    var files = 0

    /// Takes the descriptor of a file that is open.
    mutating func borrow(_ number: Int) -> CInt? {
      uses += 1
      entries[number]?.readers += 1
      entries[number]?.lastUse = uses
      return entries[number]?.descriptor
    }

    /// The descriptors to close so that there is room for one more.
    mutating func makeRoom() -> CInt? {
      guard entries.count >= limit,
        let idle = entries.filter({ $0.value.readers == 0 }).min(by: {
          $0.value.lastUse < $1.value.lastUse
        })
      else { return nil }
      entries[idle.key] = nil
      return idle.value.descriptor
    }

    mutating func insert(_ number: Int, _ descriptor: CInt, readers: Int) -> CInt? {
      let idle = makeRoom()
      uses += 1
      entries[number] = Entry(descriptor: descriptor, readers: readers, lastUse: uses)
      return idle
    }
  }

  private static let state = Mutex(State())

  /// A file that is read, by the number it has here until it is given up.
  final class Handle: Sendable {
    private let path: String
    private let number: Int
    private let identity: Identity

    /// - Parameter staysOpen: for a file that loses its name, under which it is opened again.
    init(_ descriptor: CInt, _ status: stat, path: String, staysOpen: Bool) {
      self.path = path
      identity = Identity(status)
      let (number, idle) = state.withLock { state in
        state.files += 1
        return (state.files, state.insert(state.files, descriptor, readers: staysOpen ? 1 : 0))
      }
      self.number = number
      if let idle { close(idle) }
    }

    deinit {
      let entry = state.withLock { $0.entries.removeValue(forKey: number) }
      if let entry { close(entry.descriptor) }
    }

    /// Runs `body` with a descriptor that is open until it returns.
    func withDescriptor<R>(
      _ body: (CInt) throws(FileSystemError) -> R
    ) throws(FileSystemError) -> R {
      let descriptor = try borrow()
      defer { state.withLock { $0.entries[number]?.readers -= 1 } }
      return try body(descriptor)
    }

    private func borrow() throws(FileSystemError) -> CInt {
      if let descriptor = state.withLock({ $0.borrow(number) }) { return descriptor }
      // Outside the lock: a network may take its time.
      let opened = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      guard opened >= 0 else { throw .last("open", path) }
      var status = stat()
      guard unsafe fstat(opened, &status) == 0, Identity(status) == identity else {
        close(opened)
        throw FileSystemError(action: "read", path: path, code: ESTALE)
      }
      // Another thread may have opened it meanwhile.
      let (descriptor, surplus) = state.withLock { state -> (CInt, CInt?) in
        if let descriptor = state.borrow(number) { return (descriptor, opened) }
        return (opened, state.insert(number, opened, readers: 1))
      }
      if let surplus { close(surplus) }
      return descriptor
    }
  }

  /// What tells a file from another that took its name.
  private struct Identity: Equatable, Sendable {
    let device: UInt64
    let node: UInt64

    init(_ status: stat) {
      device = UInt64(truncatingIfNeeded: status.st_dev)
      node = UInt64(status.st_ino)
    }
  }
}
