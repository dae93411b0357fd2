internal import CDeflate

/// Buffers into zlib streams (RFC 1950).
package enum Deflate {
  /// libdeflate's default level: near the best ratio, at a few hundred megabytes a second.
  private static let level: CInt = 6

  /// `bytes` as a zlib stream.
  package static func zlib(_ bytes: [UInt8]) -> [UInt8] {
    // Allocation fails only where the process has no memory left for anything else either.
    guard let compressor = unsafe libdeflate_alloc_compressor(level) else { return [] }
    defer { unsafe libdeflate_free_compressor(compressor) }
    let limit = unsafe libdeflate_zlib_compress_bound(compressor, bytes.count)
    var result = [UInt8](repeating: 0, count: limit)
    let length = unsafe bytes.withUnsafeBytes { source in
      unsafe result.withUnsafeMutableBytes { target in
        unsafe libdeflate_zlib_compress(
          compressor, source.baseAddress, source.count, target.baseAddress, target.count)
      }
    }
    result.removeLast(limit - length)
    return result
  }
}
