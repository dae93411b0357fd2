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

  /// Behind the last byte that may be read.
  private let end: Int

  /// - Parameter end: where the part of the file ends that is read; the file's own end by default.
  init(_ file: RandomAccessFile, at position: Int = 0, end: Int? = nil) {
    self.file = file
    self.position = position
    self.end = end ?? file.size
  }

  var remaining: Int { max(0, end - position) }

  /// The next `count` bytes, which are structure: names, numbers, headers.
  mutating func read(_ count: Int, _ what: String) throws -> [UInt8] {
    let start = try load(count, what)
    position += count
    return Array(window[start..<start + count])
  }

  /// Where the next `count` bytes are in the window.
  private mutating func load(_ count: Int, _ what: String) throws -> Int {
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
    return position - windowStart
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

  mutating func seek(to position: Int) { self.position = min(max(0, position), end) }

  mutating func readBigEndian<T: FixedWidthInteger>(_: T.Type, _ what: String) throws -> T {
    let start = try load(MemoryLayout<T>.size, what)
    var value: T = 0
    for index in start..<start + MemoryLayout<T>.size {
      value = value << 8 | T(truncatingIfNeeded: window[index])
    }
    position += MemoryLayout<T>.size
    return value
  }

  mutating func readLittleEndian<T: FixedWidthInteger>(_: T.Type, _ what: String) throws -> T {
    try readBigEndian(T.self, what).byteSwapped
  }
}
