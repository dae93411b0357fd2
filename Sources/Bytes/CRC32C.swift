/// The CRC-32C of a run of bytes (Castagnoli, polynomial 0x82F63B78 reflected; RFC 3720, B.4), eight
/// bytes at a time by as many tables.
package struct CRC32C: Sendable {
  private var state: UInt32 = 0xFFFF_FFFF
  package var value: UInt32 { ~state }

  package init() {}

  package static func of(_ bytes: Span<UInt8>) -> UInt32 {
    var crc = CRC32C()
    crc.update(bytes)
    return crc.value
  }

  /// `tables[256 * n + b]` is what the byte `b` does `n` bytes later.
  private static let tables: [UInt32] = {
    var tables: [UInt32] = []
    for byte in 0..<UInt32(256) {
      var value = byte
      for _ in 0..<8 {
        let isOdd = value & 1 == 1
        value >>= 1
        if isOdd { value ^= 0x82F6_3B78 }
      }
      tables.append(value)
    }
    for index in 256..<8 * 256 {
      let before = tables[index - 256]
      tables.append((before >> 8) ^ tables[Int(before & 0xFF)])
    }
    return tables
  }()

  package mutating func update(_ bytes: Span<UInt8>) {
    var crc = state
    let tables = Self.tables.span
    unsafe bytes.withUnsafeBytes { buffer in
      var position = 0
      while position + 8 <= buffer.count {
        // Within the buffer, as the loop says.
        let word = unsafe buffer.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        let mixed = UInt64(littleEndian: word) ^ UInt64(crc)
        crc = 0
        for byte in 0..<8 {
          let value = Int(truncatingIfNeeded: mixed >> UInt64(8 * byte)) & 0xFF
          crc ^= tables[((7 - byte) << 8) | value]
        }
        position += 8
      }
      while position < buffer.count {
        let value = unsafe (crc ^ UInt32(buffer[position])) & 0xFF
        crc = (crc >> 8) ^ tables[Int(value)]
        position += 1
      }
    }
    state = crc
  }
}
