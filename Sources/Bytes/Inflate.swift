internal import CDeflate

/// zlib streams (RFC 1950) into buffers of a known limit.
public enum Inflate {
  /// The bytes that `packed` unpacks to, or `nil` where it is damaged or gives more than `limit`.
  public static func zlib(_ packed: Span<UInt8>, limit: Int) -> [UInt8]? {
    guard let decompressor = unsafe libdeflate_alloc_decompressor() else { return nil }
    defer { unsafe libdeflate_free_decompressor(decompressor) }
    var result = [UInt8](repeating: 0, count: limit)
    var length = 0
    let status = unsafe packed.withUnsafeBytes { source in
      unsafe result.withUnsafeMutableBytes { target in
        unsafe libdeflate_zlib_decompress(
          decompressor, source.baseAddress, source.count, target.baseAddress, target.count,
          &length)
      }
    }
    guard status == LIBDEFLATE_SUCCESS else { return nil }
    result.removeLast(limit - length)
    return result
  }
}
