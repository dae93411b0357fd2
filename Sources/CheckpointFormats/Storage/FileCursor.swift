import Bytes
import CheckpointCore

/// A cursor over a large file whose structure is read and whose data is skipped.
struct FileCursor {
  let file: RandomAccessFile
  /// The position of the next byte in the file.
  private(set) var position: Int
  private var window: [UInt8] = []
  private var windowStart = 0

  /// Bytes read at a time: structure between tensors is a few hundred.
  private static let windowSize = 4096

  init(_ file: RandomAccessFile, at position: Int = 0) {
    self.file = file
    self.position = position
  }

  var remaining: Int { file.size - position }

  /// The next `count` bytes, which are structure: names, numbers, headers.
  mutating func read(_ count: Int, _ what: String) throws -> [UInt8] {
    guard count >= 0, count <= remaining else {
      throw CheckpointError(
        ByteReader.Truncated(position: position, needed: count, available: remaining),
        reading: what)
    }
    if position < windowStart || position + count > windowStart + window.count {
      windowStart = position
      do {
        window = try file.read(at: position, count: min(remaining, max(count, Self.windowSize)))
      } catch {
        throw CheckpointError(error)
      }
    }
    defer { position += count }
    return Array(window[position - windowStart..<position - windowStart + count])
  }

  /// Passes over `count` bytes of data and returns where they are.
  mutating func skip(_ count: Int, _ what: String) throws -> Int {
    guard count >= 0, count <= remaining else {
      throw CheckpointError(
        ByteReader.Truncated(position: position, needed: count, available: remaining),
        reading: what)
    }
    defer { position += count }
    return position
  }

  mutating func seek(to position: Int) { self.position = min(max(0, position), file.size) }

  mutating func readBigEndian<T: FixedWidthInteger>(_: T.Type, _ what: String) throws -> T {
    try read(MemoryLayout<T>.size, what).reduce(0) { ($0 << 8) | T(truncatingIfNeeded: $1) }
  }

  mutating func readLittleEndian<T: FixedWidthInteger>(_: T.Type, _ what: String) throws -> T {
    try readBigEndian(T.self, what).byteSwapped
  }
}
