import Bytes
import CZip

/// Feeds a file to libzip through `pread`, so that both read the file that was opened.
final class ZipSource {
  private let file: RandomAccessFile
  private var position = 0
  /// The system error that libzip reports only as "read error".
  private(set) var failure: FileSystemError?

  init(_ file: RandomAccessFile) { self.file = file }

  /// The libzip source over this object, which it keeps alive until libzip frees it.
  func makeSource() -> OpaquePointer? {
    let context = unsafe Unmanaged.passRetained(self)
    let source = unsafe zip_source_function_create(
      { context, data, length, command in
        guard let context = unsafe context else { return -1 }
        let object = unsafe Unmanaged<ZipSource>.fromOpaque(context)
        if command == ZIP_SOURCE_FREE {
          unsafe object.release()
          return 0
        }
        return unsafe object.takeUnretainedValue().handle(command, data, Int(length))
      }, context.toOpaque(), nil)
    if unsafe source == nil { unsafe context.release() }
    return unsafe source
  }

  private static let supported: Int64 = [
    ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
    ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS,
  ].reduce(0) { $0 | 1 << Int64($1.rawValue) }

  /// One command of `zip_source_function(3)`; `data` is what that page says for it.
  private func handle(
    _ command: zip_source_cmd_t, _ data: UnsafeMutableRawPointer?, _ length: Int
  ) -> Int64 {
    switch command {
    case ZIP_SOURCE_OPEN:
      position = 0
      return 0
    case ZIP_SOURCE_CLOSE: return 0
    case ZIP_SOURCE_SUPPORTS: return Self.supported
    case ZIP_SOURCE_TELL: return Int64(position)
    case ZIP_SOURCE_SEEK:
      let target = unsafe zip_source_seek_compute_offset(
        UInt64(position), UInt64(file.size), data, UInt64(length), nil)
      guard target >= 0 else { return -1 }
      position = Int(target)
      return 0
    case ZIP_SOURCE_STAT:
      guard let data = unsafe data?.assumingMemoryBound(to: zip_stat_t.self) else { return -1 }
      unsafe zip_stat_init(data)
      unsafe data.pointee.size = UInt64(file.size)
      unsafe data.pointee.valid |= UInt64(ZIP_STAT_SIZE)
      return unsafe Int64(MemoryLayout<zip_stat_t>.size)
    case ZIP_SOURCE_ERROR:
      guard let codes = unsafe data?.assumingMemoryBound(to: CInt.self) else { return -1 }
      unsafe codes[0] = ZIP_ER_READ
      unsafe codes[1] = failure?.code ?? 0
      return Int64(2 * MemoryLayout<CInt>.size)
    case ZIP_SOURCE_READ: return unsafe read(into: data, length)
    default: return -1
    }
  }

  private func read(into data: UnsafeMutableRawPointer?, _ length: Int) -> Int64 {
    let buffer = unsafe UnsafeMutableBufferPointer(
      start: data?.assumingMemoryBound(to: UInt8.self), count: length)
    do {
      var span = unsafe MutableSpan(_unsafeElements: buffer)
      let count = try file.readAvailable(at: position, count: length, into: &span)
      position += count
      return Int64(count)
    } catch {
      failure = error
      return -1
    }
  }
}
