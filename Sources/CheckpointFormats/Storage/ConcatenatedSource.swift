/// Several parts, one after the other, as one storage.
struct ConcatenatedSource: StorageSource {
  let parts: [any StorageSource]
  let size: Int
  var fileOffset: Int? { parts.count == 1 ? parts[0].fileOffset : nil }

  init(_ parts: [any StorageSource]) {
    self.parts = parts
    size = parts.reduce(0) { $0 + $1.size }
  }

  func stream(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    var start = 0
    for part in parts {
      let wanted = range.clamped(to: start..<start + part.size)
      if !wanted.isEmpty {
        try part.stream(
          wanted.lowerBound - start..<wanted.upperBound - start, chunkSize: chunkSize, body)
      }
      start += part.size
    }
  }
}
