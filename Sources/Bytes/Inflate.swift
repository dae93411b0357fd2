internal import CZlib

/// zlib streams (RFC 1950) into buffers of a known limit.
public enum Inflate {
  /// The bytes that `packed` unpacks to, or `nil` where it is damaged or gives more than `limit`.
  public static func zlib(_ packed: Span<UInt8>, limit: Int) -> [UInt8]? {
    var result = [UInt8](repeating: 0, count: limit)
    var length = uLongf(limit)
    let status = unsafe packed.withUnsafeBufferPointer { source in
      unsafe result.withUnsafeMutableBufferPointer { target in
        unsafe uncompress(
          target.baseAddress, &length, source.baseAddress, uLong(source.count))
      }
    }
    guard status == Z_OK else { return nil }
    result.removeLast(limit - Int(length))
    return result
  }
}
