/// Structures of an OCDBT database as their specification has them, for databases that no writer
/// makes. Nothing is compressed.
public enum OCDBTEncoding {
  /// An unsigned number in LEB128.
  public static func number(_ value: UInt64) -> [UInt8] {
    var (rest, bytes) = (value, [UInt8]())
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  public static func numbers(_ values: Int...) -> [UInt8] {
    values.flatMap { number(UInt64($0)) }
  }

  /// One data file at `path`, the first `base` bytes of which are its base path.
  public static func table(_ path: String, base: Int = 0) -> [UInt8] {
    numbers(1, path.utf8.count, base) + Array(path.utf8)
  }

  /// A body between its header and its checksum.
  public static func structure(_ magic: [UInt8], _ body: [UInt8], compression: Int = 0) -> [UInt8] {
    let size = 4 + 8 + 2 + body.count + 4
    let head = magic + littleEndian(size, 8) + [0, UInt8(compression)] + body
    return head + littleEndian(Int(crc32c(head)), 4)
  }

  public static func node(_ body: [UInt8], compression: Int = 0) -> [UInt8] {
    structure([0x0C, 0xDB, 0x20, 0xDE], body, compression: compression)
  }

  /// A leaf with values that stand in it.
  public static func leaf(_ values: [(key: String, value: [UInt8])]) -> [UInt8] {
    var body: [UInt8] = [0] + numbers(0, values.count)
    for _ in values.dropFirst() { body += numbers(0) }
    for (key, _) in values { body += numbers(key.utf8.count) }
    for (key, _) in values { body += Array(key.utf8) }
    for (_, value) in values { body += numbers(value.count) }
    body += [UInt8](repeating: 0, count: values.count)
    return node(body + values.flatMap(\.value))
  }

  /// An inner node whose children lie in the data file of `table`.
  public static func inner(
    height: Int, _ table: [UInt8], _ children: [(key: String, offset: Int, length: Int)]
  ) -> [UInt8] {
    var body: [UInt8] = [UInt8(height)] + table + numbers(children.count)
    for _ in children.dropFirst() { body += numbers(0) }
    for child in children { body += numbers(child.key.utf8.count) }
    // The prefix of a subtree is its whole key.
    for child in children { body += numbers(child.key.utf8.count) }
    for child in children { body += Array(child.key.utf8) }
    for _ in children { body += numbers(0) }
    for child in children { body += numbers(child.offset) }
    for child in children { body += numbers(child.length) }
    return node(body + [UInt8](repeating: 0, count: 3 * children.count))
  }

  /// A manifest of one version, whose root lies in the data file of `table`.
  public static func manifest(
    height: Int, _ table: [UInt8], offset: Int, length: Int
  ) -> [UInt8] {
    var body = [UInt8](repeating: 7, count: 16) + [0]
    body += numbers(100, 8 << 20) + [4] + numbers(0) + table
    body += numbers(1, 1) + [UInt8(height)] + numbers(0, offset, length, 0, 0, 0)
    body += [UInt8](repeating: 0, count: 8) + numbers(0)
    return structure([0x0C, 0xDB, 0x3A, 0x2A], body)
  }

  private static func littleEndian(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private static func crc32c(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
    }
    return ~crc
  }
}
