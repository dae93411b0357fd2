import Bytes
import CheckpointCore

/// Where the elements of a chunk lie in an array, and how they follow each other once the chunk is
/// decoded.
struct ChunkBox: Sendable {
  let origin: [Int]
  let shape: [Int]
  /// Steps in elements.
  let strides: [Int]

  /// In C order.
  init(origin: [Int], shape: [Int]) {
    self.init(origin: origin, shape: shape, strides: contiguousStrides(shape) ?? [])
  }

  init(origin: [Int], shape: [Int], strides: [Int]) {
    self.origin = origin
    self.shape = shape
    self.strides = strides
  }
}

/// The stored chunks of one array.
protocol ChunkStorage: Sendable {
  associatedtype Chunk: Sendable

  /// The stored chunks that begin within the row `row` of chunks along the first axis.
  func chunks(inRow row: Int) throws -> [Chunk]
  func box(of chunk: Chunk) -> ChunkBox
  /// All elements of a chunk.
  func decode(_ chunk: Chunk) throws -> [UInt8]
  /// Hands over the elements of a chunk as they are decoded; false, with nothing handed over, where a
  /// chunk can only be decoded whole.
  func stream(_ chunk: Chunk, _ body: (Span<UInt8>) throws -> Void) throws -> Bool
}

/// The elements of an array in chunks, put together row of chunks by row of chunks: a row covers whole
/// outermost slices, which are contiguous in the array. Its chunks are decoded by all processors; a
/// chunk that is the whole row is handed on as it is decoded.
struct ChunkedSource<Storage: ChunkStorage>: StorageSource {
  let size: Int
  let storedSize: Int
  var fileOffset: Int? { nil }

  private let storage: Storage
  private let extents: [Int]
  private let itemSize: Int
  /// Slices in a row of chunks.
  private let rowExtent: Int
  /// An element that no chunk holds.
  private let fill: [UInt8]

  /// - Parameters:
  ///   - shape: at least one axis; the caller has made sure that its size in bytes fits.
  ///   - rowExtent: the extent of every chunk along the first axis.
  ///   - storedSize: the most bytes that the chunks can give.
  init(
    _ storage: Storage, shape: Shape, itemSize: Int, rowExtent: Int, fill: [UInt8],
    storedSize: Int
  ) {
    self.storage = storage
    self.extents = shape.dimensions
    self.itemSize = itemSize
    self.rowExtent = rowExtent
    self.fill = fill
    size = shape.count * itemSize
    self.storedSize = min(size, storedSize)
  }

  func stream(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    guard !range.isEmpty else { return }
    let rowBytes = rowExtent * (size / extents[0])
    for row in range.lowerBound / rowBytes...(range.upperBound - 1) / rowBytes {
      let start = row * rowBytes
      let wanted = range.clamped(to: start..<min(start + rowBytes, size))
      /// Hands on what is wanted of `bytes`, which begin at `position`.
      func hand(_ bytes: Span<UInt8>, at position: Int) throws {
        let part = wanted.clamped(to: position..<position + bytes.count)
        for from in stride(from: part.lowerBound, to: part.upperBound, by: chunkSize) {
          let end = min(from + chunkSize, part.upperBound)
          try body(bytes.extracting(from - position..<end - position))
        }
      }
      let chunks = try storage.chunks(inRow: row)
      let rowShape = [min(rowExtent, extents[0] - row * rowExtent)] + extents.dropFirst()
      if chunks.count == 1, try streamRow(chunks[0], rowShape, at: start, hand) { continue }
      let bytes = try assemble(chunks, rowShape, first: row * rowExtent)
      try hand(bytes.span, at: start)
    }
  }

  /// Streams a row that is one chunk; false where it is not, or cannot be streamed.
  private func streamRow(
    _ chunk: Storage.Chunk, _ rowShape: [Int], at start: Int,
    _ hand: (Span<UInt8>, Int) throws -> Void
  ) throws -> Bool {
    let box = storage.box(of: chunk)
    guard box.shape.dropFirst() == rowShape.dropFirst(), box.shape[0] >= rowShape[0],
      box.strides == contiguousStrides(box.shape)
    else { return false }
    var position = start
    let isStreamed = try storage.stream(chunk) { piece in
      try hand(piece, position)
      position += piece.count
    }
    guard isStreamed else { return false }
    try checkCount(position - start, of: box)
    return true
  }

  private func checkCount(_ count: Int, of box: ChunkBox) throws {
    let expected = box.shape.reduce(itemSize, *)
    guard count == expected else {
      throw CheckpointError(
        "a chunk holds \(count) bytes, \(expected) expected for its shape",
        advice: "the file is damaged; fetch or save it again")
    }
  }

  private func assemble(
    _ chunks: [Storage.Chunk], _ rowShape: [Int], first: Int
  ) throws -> [UInt8] {
    let count = rowShape.reduce(itemSize, *)
    try CheckpointError.requireMemory(count)
    var bytes = [UInt8](repeating: 0, count: count)
    if fill.contains(where: { $0 != 0 }) {
      for index in bytes.indices { bytes[index] = fill[index % fill.count] }
    }
    let threads = Machine.processorCount
    for start in stride(from: 0, to: chunks.count, by: threads) {
      let group = chunks[start..<min(start + threads, chunks.count)]
      let decoded = try parallelMap(group.count, threads: threads) {
        try storage.decode(group[start + $0])
      }
      for (chunk, data) in zip(group, decoded) {
        try place(data, storage.box(of: chunk), in: &bytes, rowShape, first: first)
      }
    }
    return bytes
  }

  /// Copies the part of a chunk that lies within the array: chunks at its edges reach beyond.
  private func place(
    _ data: [UInt8], _ box: ChunkBox, in bytes: inout [UInt8], _ rowShape: [Int], first: Int
  ) throws {
    try checkCount(data.count, of: box)
    let origin = [box.origin[0] - first] + box.origin.dropFirst()
    let extent = zip(zip(rowShape, origin), box.shape).map { min($0.0 - $0.1, $1) }
    guard extent.allSatisfy({ $0 > 0 }), let targetStrides = contiguousStrides(rowShape) else {
      throw CheckpointError("a chunk lies outside its array")
    }
    let copy = StridedCopy(
      shape: extent, sourceStrides: box.strides, targetStrides: targetStrides,
      targetOffset: zip(origin, targetStrides).reduce(0) { $0 + $1.0 * $1.1 })
    var span = bytes.mutableSpan
    guard copy?(from: data.span, to: &span, elementSize: itemSize) == true else {
      throw CheckpointError("a chunk lies outside its array")
    }
  }
}
