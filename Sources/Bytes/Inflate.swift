internal import CDeflate

/// Deflated streams into buffers of a known limit.
package enum Inflate {
  /// No more than this many bytes come of one (RFC 1951).
  package static let maximumRatio = 1032

  /// What stands around the deflated bytes.
  package enum Wrapper {
    /// RFC 1950, with an Adler-32.
    case zlib
    /// RFC 1952, with a CRC-32.
    case gzip
  }

  /// The bytes that `packed` unpacks to, or `nil` where it is damaged or gives more than `limit`.
  package static func unpack(
    _ packed: Span<UInt8>, _ wrapper: Wrapper, limit: Int
  ) -> [UInt8]? {
    guard let decompressor = unsafe libdeflate_alloc_decompressor() else { return nil }
    defer { unsafe libdeflate_free_decompressor(decompressor) }
    let capacity = min(limit, packed.count.multipliedChecked(by: maximumRatio) ?? limit)
    var result = [UInt8](repeating: 0, count: capacity)
    var length = 0
    let status = unsafe packed.withUnsafeBytes { source in
      unsafe result.withUnsafeMutableBytes { target in
        switch wrapper {
        case .zlib:
          unsafe libdeflate_zlib_decompress(
            decompressor, source.baseAddress, source.count, target.baseAddress, target.count,
            &length)
        case .gzip:
          unsafe libdeflate_gzip_decompress(
            decompressor, source.baseAddress, source.count, target.baseAddress, target.count,
            &length)
        }
      }
    }
    guard status == LIBDEFLATE_SUCCESS else { return nil }
    result.removeLast(capacity - length)
    return result
  }
}
