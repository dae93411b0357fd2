import Bytes
import CZip
import CheckpointCore
import Synchronization

/// An open zip archive, read through libzip (PKWARE APPNOTE 6.3, zip64 included).
///
/// `ZipDirectory` says where everything lies and that nothing else does; libzip describes and inflates
/// the entries, and must agree on them. Stored entries are read straight from the file, by several
/// threads at once.
@safe final class ZipArchive: @unchecked Sendable {
  struct Entry: Sendable {
    let index: Int
    let name: String
    /// Bytes after decompression.
    let size: Int
    let crc: UInt32
    /// Where a stored entry's data begins in the file; `nil` for a compressed or encrypted one.
    let dataOffset: Int?
  }

  let file: RandomAccessFile
  private(set) var entries: [Entry] = []
  /// libzip handles are not thread-safe: every use after `init` holds the lock, which is what the
  /// unchecked Sendable relies on.
  private let lock = Mutex(())
  private let handle: OpaquePointer
  private let source: ZipSource

  /// Deflate (RFC 1951) turns at most 258 bytes into 2 bits, so no entry grows more than 1032
  /// times; one that claims to is refused before memory is set aside for it.
  private static let maximumDeflateRatio = 1032

  /// A local header, or the end record of an empty archive.
  static func matches(_ prefix: [UInt8]) -> Bool {
    prefix.starts(with: [0x50, 0x4B, 0x03, 0x04]) || prefix.starts(with: [0x50, 0x4B, 0x05, 0x06])
  }

  init(_ file: RandomAccessFile) throws {
    self.file = file
    let directory = try ZipDirectory(file)
    source = ZipSource(file)
    var error = unsafe zip_error_t()
    unsafe zip_error_init(&error)
    defer { unsafe zip_error_fini(&error) }
    guard let stream = unsafe source.makeSource() else {
      throw CheckpointError("out of memory")
    }
    guard let handle = unsafe zip_open_from_source(stream, ZIP_RDONLY, &error) else {
      unsafe zip_source_free(stream)
      let reason = unsafe String(cString: zip_error_strerror(&error))
      throw CheckpointError(
        "this zip archive cannot be opened: \(reason)",
        advice: "it may be truncated; fetch or save it again")
    }
    unsafe self.handle = unsafe handle
    entries = try listEntries(directory.entries)
  }

  deinit { unsafe zip_discard(handle) }

  private func listEntries(_ placed: [ZipDirectory.Entry]) throws -> [Entry] {
    guard unsafe zip_get_num_entries(handle, 0) == Int64(placed.count) else {
      throw failure("its central directory is read in two ways")
    }
    var names: Set<[UInt8]> = []
    return try placed.enumerated().map { index, place in
      let entry = try describeEntry(index, place)
      // Compared as bytes: Swift's strings hold a letter and its decomposition to be equal.
      guard names.insert(place.name).inserted else {
        throw CheckpointError(
          entry: entry.name, "two entries of this zip archive have this name",
          advice: "repack it with distinct names")
      }
      return entry
    }
  }

  private func describeEntry(_ index: Int, _ place: ZipDirectory.Entry) throws -> Entry {
    var status = unsafe zip_stat_t()
    guard unsafe zip_stat_index(handle, UInt64(index), 0, &status) == 0,
      let guessed = unsafe status.name
    else { throw failure("entry \(index) cannot be described") }
    // The name's own bytes where they are UTF-8, which nearly every writer means whatever its flags
    // say; libzip would take control characters for the symbols of code page 437.
    let name =
      unsafe String(validating: place.name, as: UTF8.self) ?? String(cString: guessed)
    guard unsafe status.encryption_method == UInt16(ZIP_EM_NONE) else {
      throw CheckpointError(
        entry: name, "this entry is encrypted", advice: "repack it without a password")
    }
    let isStored = unsafe status.comp_method == UInt16(ZIP_CM_STORE)
    guard unsafe status.size == place.size, unsafe status.comp_size == place.packedSize,
      unsafe status.crc == place.crc,
      isStored
        ? place.size == place.packedSize
        : place.size / Self.maximumDeflateRatio <= place.packedSize
    else {
      throw CheckpointError(
        entry: name,
        "its sizes (\(place.packedSize) packed, \(place.size) unpacked) cannot be right in a file of "
          + "\(file.size) bytes",
        advice: "the archive is damaged; fetch or save it again")
    }
    return Entry(
      index: index, name: name, size: place.size, crc: place.crc,
      dataOffset: isStored ? place.dataOffset : nil)
  }

  private func failure(_ message: String) -> CheckpointError {
    if let failure = source.failure { return CheckpointError(failure) }
    let reason = unsafe String(cString: zip_strerror(handle))
    return CheckpointError(
      "\(message): \(reason)", advice: "the archive is damaged; fetch or save it again")
  }

  /// Streams a compressed entry from its start. libzip verifies its CRC at the end.
  func inflate(_ entry: Entry, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void) throws {
    let stream = unsafe lock.withLock { _ in unsafe zip_fopen_index(handle, UInt64(entry.index), 0)
    }
    guard let stream = unsafe stream else {
      throw lock.withLock { _ in failure("it cannot be opened") }.inEntry(entry.name)
    }
    defer { lock.withLock { _ in _ = unsafe zip_fclose(stream) } }
    var buffer = [UInt8](repeating: 0, count: max(1, min(chunkSize, entry.size)))
    var done = 0
    while true {
      // Chunks are filled whole, so that they hold whole elements.
      var filled = 0
      while filled < buffer.count {
        let count = lock.withLock { _ in
          unsafe buffer.withUnsafeMutableBytes {
            unsafe zip_fread(stream, $0.baseAddress! + filled, UInt64($0.count - filled))
          }
        }
        guard count >= 0 else {
          let reason = unsafe String(cString: zip_file_strerror(stream))
          throw CheckpointError(
            entry: entry.name, "its data cannot be unpacked: \(reason)",
            advice: "the archive is damaged; fetch or save it again")
        }
        if count == 0 { break }
        filled += Int(count)
      }
      done += filled
      guard done <= entry.size, filled > 0 || done == entry.size else {
        throw CheckpointError(
          entry: entry.name, "\(entry.size) bytes expected, \(done) unpacked",
          advice: "the archive is damaged; fetch or save it again")
      }
      if filled == 0 { return }
      try body(buffer.span.extracting(0..<filled))
    }
  }
}
