#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A file opened for reading at any position, by any number of threads at once, or a part of one.
///
/// It reads with `pread` and never maps: a mapped file that another process truncates kills the
/// reader, and its pages would count towards the peak memory of a streaming conversion. Any number of
/// files can be kept: few of them have a descriptor (`OpenFiles`).
package final class RandomAccessFile: Sendable {
  package let path: String
  /// Bytes in the file when it was opened, or in the part of it that this is.
  package let size: Int
  /// Where the part begins in the file.
  private let start: Int
  private let handle: OpenFiles.Handle

  /// Opens `path`, which must be a regular file.
  ///
  /// - Parameter losesName: whether the file is removed while it is read.
  package init(path: String, losesName: Bool = false) throws(FileSystemError) {
    // Without blocking: opening a pipe would wait for a writer before it could be refused.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .last("open", path) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      defer { close(descriptor) }
      throw .last("inspect", path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      let code = status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL
      throw FileSystemError(action: "open", path: path, code: code)
    }
    self.path = path
    self.size = Int(status.st_size)
    start = 0
    handle = OpenFiles.Handle(descriptor, status, path: path, staysOpen: losesName)
  }

  private init(_ whole: RandomAccessFile, _ range: Range<Int>) {
    (path, handle) = (whole.path, whole.handle)
    start = whole.start + range.lowerBound
    size = range.count
  }

  /// The bytes `range` as a file of their own, as far as they exist.
  package func part(_ range: Range<Int>) -> RandomAccessFile {
    RandomAccessFile(self, range.clamped(to: 0..<size))
  }

  /// Whether another process holds the exclusive lock (`flock`) by which HDF5 keeps readers away from
  /// a file that it is writing.
  package var isLockedForWriting: Bool {
    let isLocked = try? handle.withDescriptor { descriptor in
      guard flock(descriptor, LOCK_SH | LOCK_NB) != 0 else {
        // Not kept: it would keep a writer away in turn.
        _ = flock(descriptor, LOCK_UN)
        return false
      }
      return errno == EWOULDBLOCK
    }
    return isLocked ?? false
  }

  /// Fills the first `count` bytes of `buffer` with those at `offset`; an early end of the file is
  /// an error.
  package func read(
    at offset: Int, count: Int, into buffer: inout MutableSpan<UInt8>
  ) throws(FileSystemError) {
    guard try readAvailable(at: offset, count: count, into: &buffer) == count else {
      throw FileSystemError(action: "read", path: path, code: 0)
    }
  }

  /// Reads up to `count` bytes at `offset` and returns how many there were.
  package func readAvailable(
    at offset: Int, count limit: Int, into buffer: inout MutableSpan<UInt8>
  ) throws(FileSystemError) -> Int {
    precondition(limit <= buffer.count)
    // No reader of a part reaches behind it.
    let limit = min(limit, max(0, size - offset))
    return try handle.withDescriptor { (descriptor) throws(FileSystemError) in
      var done = 0
      while done < limit {
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
          unsafe pread(
            descriptor, bytes.baseAddress! + done, limit - done, off_t(start + offset + done))
        }
        if count < 0 {
          if errno == EINTR { continue }
          throw .last("read", path)
        }
        if count == 0 { break }
        done += count
      }
      return done
    }
  }

  /// The `count` bytes at `offset`. The caller has checked `count` against `size`.
  package func read(at offset: Int, count: Int) throws(FileSystemError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: count)
    var span = buffer.mutableSpan
    try read(at: offset, count: count, into: &span)
    return buffer
  }

  /// At most `count` bytes from the start: what format detection looks at.
  package func readPrefix(_ count: Int) throws(FileSystemError) -> [UInt8] {
    try read(at: 0, count: min(count, size))
  }
}
