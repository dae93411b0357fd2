import CheckpointCore

/// Bytes in a checkpoint that tensors are views of: a zip entry, a part of a file.
protocol StorageSource: Sendable {
  /// The bytes of the storage, decompressed.
  var size: Int { get }
  /// The most bytes that what is stored can give; smaller than `size` where most is a fill value.
  var storedSize: Int { get }
  /// Where the bytes begin in the file; `nil` where they are compressed.
  var fileOffset: Int? { get }

  /// Streams the bytes `range` in consecutive chunks of up to `chunkSize` bytes and verifies the
  /// storage's checksum, where it has one, the first time through.
  func stream(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws
}

extension StorageSource {
  var storedSize: Int { size }

  /// The bytes `range`. The caller has checked it against `size`.
  func read(_ range: Range<Int>) throws -> [UInt8] {
    try CheckpointError.requireMemory(range.count)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count)
    try stream(range, chunkSize: max(1, range.count)) { chunk in
      unsafe chunk.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }
}
