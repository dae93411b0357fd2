internal import CDeflate

/// The CRC-32 of zip entries (ISO 3309, polynomial 0xEDB88320), by libdeflate, which folds with
/// carry-less multiplication several times as fast as zlib's tables.
package struct CRC32: Sendable {
  package private(set) var value: UInt32 = 0

  package init() {}

  package mutating func update(_ bytes: Span<UInt8>) {
    value = unsafe bytes.withUnsafeBytes { buffer in
      // Without bytes libdeflate begins anew.
      unsafe buffer.isEmpty ? value : libdeflate_crc32(value, buffer.baseAddress, buffer.count)
    }
  }

  package static func of(_ bytes: [UInt8]) -> UInt32 {
    var crc = CRC32()
    crc.update(bytes.span)
    return crc.value
  }
}
