import Bytes
import CheckpointCore
import Synchronization

/// The bytes of one zip entry as a storage.
final class ZipEntrySource: StorageSource {
  /// Whether the archive's CRCs mean anything.
  enum ChecksumPolicy: Sendable {
    case required
    /// None was computed: all are zero.
    case absent
  }

  private let archive: ZipArchive
  private let entry: ZipArchive.Entry
  private let policy: ChecksumPolicy
  private let verified = Atomic(false)

  init(_ archive: ZipArchive, _ entry: ZipArchive.Entry, _ policy: ChecksumPolicy) {
    self.archive = archive
    self.entry = entry
    self.policy = policy
  }

  var size: Int { entry.size }
  var fileOffset: Int? { entry.dataOffset }

  /// At most the first `count` bytes, without verifying the checksum: for headers.
  func prefix(_ count: Int) throws -> [UInt8] {
    let wanted = min(count, size)
    if let offset = entry.dataOffset {
      do {
        return try archive.file.read(at: offset, count: wanted)
      } catch {
        throw CheckpointError(error)
      }
    }
    struct Done: Error {}
    var bytes: [UInt8] = []
    do {
      try archive.inflate(entry, chunkSize: wanted) { chunk in
        unsafe chunk.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        throw Done()
      }
    } catch is Done {}
    return bytes
  }

  func stream(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    guard let offset = entry.dataOffset else {
      return try streamInflated(range, chunkSize: chunkSize, body)
    }
    let bytes = FileSource(file: archive.file, offset: offset, size: size)
    if verified.load(ordering: .acquiring) || policy == .absent {
      return try bytes.stream(range, chunkSize: chunkSize, body)
    }
    // The checksum covers the whole entry: what lies around the range is read for it, once.
    var crc = CRC32()
    try bytes.stream(0..<range.lowerBound, chunkSize: chunkSize) { crc.update($0) }
    try bytes.stream(range, chunkSize: chunkSize) {
      crc.update($0)
      try body($0)
    }
    try bytes.stream(range.upperBound..<size, chunkSize: chunkSize) { crc.update($0) }
    guard crc.value == entry.crc else {
      throw CheckpointError(
        entry: entry.name,
        "its CRC-32 is \(hexadecimal(crc.value)), the archive says \(hexadecimal(entry.crc))",
        advice: "the data is damaged; fetch or save it again")
    }
    verified.store(true, ordering: .releasing)
  }

  /// Inflates from the start and passes on what lies within `range`, in chunks that begin at its
  /// start, so that they hold whole elements.
  private func streamInflated(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    var position = 0
    var pending: [UInt8] = []
    pending.reserveCapacity(min(chunkSize, range.count))
    try archive.inflate(entry, chunkSize: chunkSize) { chunk in
      let wanted = range.clamped(to: position..<position + chunk.count)
      var next = wanted.lowerBound
      while next < wanted.upperBound {
        let count = min(wanted.upperBound - next, chunkSize - pending.count)
        let part = chunk.extracting(next - position..<next - position + count)
        unsafe part.withUnsafeBufferPointer { unsafe pending.append(contentsOf: $0) }
        next += count
        if pending.count == chunkSize {
          try body(pending.span)
          pending.removeAll(keepingCapacity: true)
        }
      }
      position += chunk.count
    }
    if !pending.isEmpty { try body(pending.span) }
  }
}

func hexadecimal(_ value: UInt32) -> String {
  let digits = String(value, radix: 16)
  return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
}
