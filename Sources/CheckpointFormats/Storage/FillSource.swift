/// A storage that was never written: one element, over and over.
struct FillSource: StorageSource {
  let size: Int
  let element: [UInt8]
  var storedSize: Int { 0 }
  var fileOffset: Int? { nil }

  func stream(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    var position = range.lowerBound
    while position < range.upperBound {
      let count = min(chunkSize, range.upperBound - position)
      let chunk = (position..<position + count).map { element[$0 % element.count] }
      try body(chunk.span)
      position += count
    }
  }
}
