/// Bytes that stand in a structure already read, such as a NumPy array inside a pickle.
struct MemorySource: StorageSource {
  let bytes: ArraySlice<UInt8>
  var size: Int { bytes.count }
  var fileOffset: Int? { nil }

  func stream(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: chunkSize) {
      let end = min(start + chunkSize, range.upperBound)
      try body(bytes[bytes.startIndex + start..<bytes.startIndex + end].span)
    }
  }
}
