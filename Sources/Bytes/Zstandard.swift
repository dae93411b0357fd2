internal import CZstd

/// Zstandard frames (RFC 8878) into buffers of a known limit.
package enum Zstandard {
  /// No more than this many bytes come of one: a block gives 128 KiB and takes four bytes.
  package static let maximumRatio = 32768

  /// The bytes that `packed`, one frame or several, unpacks to, or `nil` where it is damaged or gives
  /// more than `limit`.
  package static func decompress(_ packed: Span<UInt8>, limit: Int) -> [UInt8]? {
    let capacity = min(limit, packed.count.multipliedChecked(by: maximumRatio) ?? limit)
    guard let context = unsafe ZSTD_createDCtx() else { return nil }
    defer { _ = unsafe ZSTD_freeDCtx(context) }
    var isDamaged = false
    let result = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
      let length = unsafe packed.withUnsafeBytes { source in
        unsafe ZSTD_decompressDCtx(
          context, target.baseAddress, target.count, source.baseAddress, source.count)
      }
      isDamaged = ZSTD_isError(length) != 0
      count = isDamaged ? 0 : length
    }
    return isDamaged ? nil : result
  }
}

/// Unpacks Zstandard frames that come piece by piece, holding one piece and the frame's window, which
/// libzstd keeps to 128 MiB.
@safe package final class ZstandardStream {
  private let context: OpaquePointer
  private var output: [UInt8]
  /// Whether all that was fed is out, and a frame ended with it.
  package private(set) var isAtEnd = true

  /// - Parameter pieceSize: bytes handed over at a time, at most.
  /// - Returns: `nil` where there is no memory for it.
  package init?(pieceSize: Int) {
    guard let context = unsafe ZSTD_createDCtx() else { return nil }
    unsafe self.context = unsafe context
    output = [UInt8](repeating: 0, count: pieceSize)
  }

  deinit { _ = unsafe ZSTD_freeDCtx(context) }

  /// Feeds `packed` and hands over, in pieces, what comes of it.
  ///
  /// - Returns: false where the frame is damaged.
  package func feed(_ packed: Span<UInt8>, _ body: (Span<UInt8>) throws -> Void) throws -> Bool {
    var consumed = 0
    while true {
      var produced = 0
      let hint = unsafe packed.withUnsafeBytes { source in
        unsafe output.withUnsafeMutableBytes { target in
          var input = unsafe ZSTD_inBuffer(
            src: source.baseAddress, size: source.count, pos: consumed)
          var room = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
          let hint = unsafe ZSTD_decompressStream(context, &room, &input)
          unsafe consumed = input.pos
          unsafe produced = room.pos
          return hint
        }
      }
      guard ZSTD_isError(hint) == 0 else { return false }
      isAtEnd = hint == 0 && consumed == packed.count
      if produced > 0 {
        let bytes = output
        try body(bytes.span.extracting(0..<produced))
      }
      // With room left over, all that was fed is out.
      if consumed == packed.count, produced < output.count { return true }
      if isAtEnd { return true }
    }
  }
}
