/// A cursor over bytes that came from a file. Every read is bounds-checked; nothing traps.
package struct ByteReader: Sendable {
  package let bytes: ArraySlice<UInt8>
  /// The position of the next byte, counted from the start of `bytes`.
  package private(set) var position = 0

  package init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }
  package init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

  package var remaining: Int { bytes.count - position }
  package var isAtEnd: Bool { remaining == 0 }

  /// The data ended before a value did.
  package struct Truncated: Error, Equatable {
    /// Where the value begins.
    package let position: Int
    package let needed: Int
    package let available: Int

    package init(position: Int, needed: Int, available: Int) {
      self.position = position
      self.needed = needed
      self.available = available
    }
  }

  /// The next `count` bytes, without copying them.
  package mutating func read(_ count: Int) throws(Truncated) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else {
      throw Truncated(position: position, needed: count, available: remaining)
    }
    let start = bytes.startIndex + position
    position += count
    return bytes[start..<start + count]
  }

  package mutating func skip(_ count: Int) throws(Truncated) { _ = try read(count) }

  package mutating func readByte() throws(Truncated) -> UInt8 {
    guard remaining > 0 else {
      throw Truncated(position: position, needed: 1, available: 0)
    }
    defer { position += 1 }
    return bytes[bytes.startIndex + position]
  }

  package mutating func readLittleEndian<T: FixedWidthInteger>(
    _: T.Type = T.self
  ) throws(Truncated) -> T {
    var value: T = 0
    for (index, byte) in try read(MemoryLayout<T>.size).enumerated() {
      value |= T(truncatingIfNeeded: byte) << T(truncatingIfNeeded: 8 * index)
    }
    return value
  }

  package mutating func readBigEndian<T: FixedWidthInteger>(
    _: T.Type = T.self
  ) throws(Truncated) -> T {
    try readLittleEndian(T.self).byteSwapped
  }

  /// The bytes up to the next newline, which is consumed but not returned.
  package mutating func readLine() throws(Truncated) -> ArraySlice<UInt8> {
    let rest = bytes[(bytes.startIndex + position)...]
    guard let newline = rest.firstIndex(of: 0x0A) else {
      throw Truncated(position: position, needed: remaining + 1, available: remaining)
    }
    defer { position += newline - rest.startIndex + 1 }
    return rest[..<newline]
  }
}
