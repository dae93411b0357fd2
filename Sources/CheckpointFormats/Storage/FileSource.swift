import Bytes
import CheckpointCore

/// A part of a file, uncompressed and without a checksum.
struct FileSource: StorageSource {
  let file: RandomAccessFile
  let offset: Int
  let size: Int

  var fileOffset: Int? { offset }

  func stream(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    guard !range.isEmpty else { return }
    var buffer = [UInt8](repeating: 0, count: min(chunkSize, range.count))
    var position = range.lowerBound
    while position < range.upperBound {
      let count = min(buffer.count, range.upperBound - position)
      var span = buffer.mutableSpan
      do {
        try file.read(at: offset + position, count: count, into: &span)
      } catch {
        throw CheckpointError(error)
      }
      try body(buffer.span.extracting(0..<count))
      position += count
    }
  }
}
