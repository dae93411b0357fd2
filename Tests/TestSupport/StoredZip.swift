/// A zip archive of stored entries, written independently of the project's own writer: local
/// headers, central directory, end record. Checksums are zero unless asked for.
///
/// - Parameter unlisted: names that the central directory leaves out.
public func storedZip(
  _ entries: [(name: String, data: [UInt8])], withChecksums: Bool = false,
  unlisted: Set<String> = [], comment: String = ""
) -> [UInt8] {
  func le(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
  func common(_ entry: (name: String, data: [UInt8])) -> [UInt8] {
    le(20, 2) + le(0, 2) + le(0, 2) + le(0, 2) + le(0x21, 2)
      + le(withChecksums ? crc32(entry.data) : 0, 4)
      + le(entry.data.count, 4) + le(entry.data.count, 4) + le(entry.name.utf8.count, 2) + le(0, 2)
  }
  var file: [UInt8] = []
  var directory: [UInt8] = []
  for entry in entries {
    if !unlisted.contains(entry.name) {
      directory += [0x50, 0x4B, 1, 2] + le(20, 2) + common(entry) + le(0, 10)
      directory += le(file.count, 4) + entry.name.utf8
    }
    file += [0x50, 0x4B, 3, 4] + common(entry) + entry.name.utf8 + entry.data
  }
  let count = entries.count - unlisted.count
  let end = [0x50, 0x4B, 5, 6] + le(0, 4) + le(count, 2) + le(count, 2)
  return file + directory + end + le(directory.count, 4) + le(file.count, 4)
    + le(comment.utf8.count, 2) + comment.utf8
}

/// CRC-32 bit by bit.
private func crc32(_ bytes: [UInt8]) -> Int {
  var crc: UInt32 = 0xFFFF_FFFF
  for byte in bytes {
    crc ^= UInt32(byte)
    for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
  }
  return Int(~crc)
}
