import Bytes
import CheckpointCore

/// A chunk as it is stored: a value of the store, or the part of a shard.
struct ZarrChunk: Sendable {
  let place: KeyValueStore.Place
  let box: ChunkBox
  let codecs: [ZarrByteCodec]
}

/// The chunks of a zarr array in a store.
struct ZarrChunks: ChunkStorage {
  private let array: ZarrArray
  private let store: KeyValueStore
  /// What goes before the keys of the chunks.
  private let prefix: String
  /// Whether a chunk that is not stored is lost. Else its elements have the fill value.
  private let isComplete: Bool
  /// Of an array without axes, one.
  private let extents: [Int]
  private let chunkShape: [Int]

  /// The elements of the array whose chunks lie under `prefix`, which ends with a slash.
  ///
  /// - Throws: `CheckpointError` where chunks are missing that must be there.
  static func source(
    _ array: ZarrArray, in store: KeyValueStore, under prefix: String, isComplete: Bool
  ) throws -> ChunkedSource<ZarrChunks> {
    let chunks = ZarrChunks(array, store, prefix, isComplete: isComplete)
    let stored = store.entries(under: prefix)
    let count = array.shape.count == 0 ? 0 : checkedProduct(array.grid) ?? .max
    guard count <= StructureLimits.chunks else {
      throw CheckpointError.beyondLimit("chunks", limit: StructureLimits.chunks)
    }
    // One of the values is the metadata.
    if isComplete, count > stored.count - 1 { try chunks.expectAll() }
    let ratio = array.codecs.maximumRatio
    let bytes = stored.reduce(0) { sum, index in
      let most = store.places[index].size.multipliedChecked(by: ratio) ?? .max
      return sum.addingChecked(most) ?? .max
    }
    return ChunkedSource(
      chunks, shape: Shape(chunks.extents) ?? array.shape, itemSize: array.dtype.itemSize,
      rowExtent: chunks.chunkShape[0], fill: array.fill, storedSize: bytes)
  }

  private init(
    _ array: ZarrArray, _ store: KeyValueStore, _ prefix: String, isComplete: Bool
  ) {
    self.array = array
    self.store = store
    self.prefix = prefix
    self.isComplete = isComplete
    let isScalar = array.shape.rank == 0
    extents = isScalar ? [1] : array.shape.dimensions
    chunkShape = isScalar ? [1] : array.chunkShape
  }

  private func expectAll() throws {
    for row in 0..<(array.grid.first ?? 1) { _ = try values(inRow: row) }
  }

  /// The values of the chunks in a row, each with the place of its first element.
  private func values(
    inRow row: Int
  ) throws -> [(place: KeyValueStore.Place, origin: [Int])] {
    let grid = array.grid
    let isScalar = grid.isEmpty
    var result: [(place: KeyValueStore.Place, origin: [Int])] = []
    var index = [row] + [Int](repeating: 0, count: max(0, grid.count - 1))
    for _ in 0..<grid.dropFirst().reduce(1, *) {
      let key = prefix + array.keys.key(isScalar ? [] : index)
      if let place = store.place(of: key) {
        result.append((place, zip(index, chunkShape).map(*)))
      } else if isComplete {
        throw CheckpointError(
          "its chunk '\(key)' is missing",
          advice: "the checkpoint is incomplete; fetch the whole folder, or save it again")
      }
      for axis in grid.indices.dropFirst().reversed() {
        index[axis] += 1
        if index[axis] < grid[axis] { break }
        index[axis] = 0
      }
    }
    return result
  }

  func chunks(inRow row: Int) throws -> [ZarrChunk] {
    try values(inRow: row).flatMap { place, origin in
      try pieces(place, array.codecs, origin: origin, shape: chunkShape)
    }
  }

  private func pieces(
    _ place: KeyValueStore.Place, _ codecs: ZarrCodecs, origin: [Int], shape: [Int]
  ) throws -> [ZarrChunk] {
    switch codecs {
    case .elements(let order, let bytes):
      let box = ChunkBox(origin: origin, shape: shape, strides: Self.strides(shape, order: order))
      return [ZarrChunk(place: place, box: box, codecs: bytes)]
    case .shard(let shard):
      let chunkShape = shard.chunkShape.isEmpty ? [1] : shard.chunkShape
      let count = zip(shape, chunkShape).reduce(1) { $0 * ($1.0 / $1.1) }
      let index = try ZarrShardIndex(shard, try store.source(place), count: count)
      return try index.chunks(of: shape, by: chunkShape).flatMap { offset, range in
        let inner = zip(origin, offset).map(+)
        // What lies beyond the edge of the array need not be stored.
        guard zip(inner, extents).allSatisfy(<) else { return [ZarrChunk]() }
        guard let range else {
          guard !isComplete else {
            throw CheckpointError(
              "a chunk is missing in its shard at element \(inner)",
              advice: "the data is damaged; fetch or save it again")
          }
          return []
        }
        return try pieces(place[range], shard.codecs, origin: inner, shape: chunkShape)
      }
    }
  }

  /// The steps of a chunk whose axes are stored in `order`.
  private static func strides(_ shape: [Int], order: [Int]) -> [Int] {
    guard !order.isEmpty, let stored = contiguousStrides(order.map { shape[$0] }) else {
      return contiguousStrides(shape) ?? []
    }
    var strides = shape
    for (position, axis) in order.enumerated() { strides[axis] = stored[position] }
    return strides
  }

  func box(of chunk: ZarrChunk) -> ChunkBox { chunk.box }

  func decode(_ chunk: ZarrChunk) throws -> [UInt8] {
    let size = chunk.box.shape.reduce(array.dtype.itemSize, *)
    try CheckpointError.requireMemory(chunk.place.size.addingChecked(size) ?? .max)
    var bytes = try store.read(chunk.place)
    for (position, codec) in chunk.codecs.enumerated().reversed() {
      // What a codec wrote for the next one may be a little larger than what it was given.
      bytes = try codec.undo(bytes, limit: position == 0 ? size : size + size / 8 + 1024)
    }
    return bytes
  }

  func stream(_ chunk: ZarrChunk, _ body: (Span<UInt8>) throws -> Void) throws -> Bool {
    let source = try store.source(chunk.place)
    let range = 0..<source.size
    switch chunk.codecs {
    case []:
      try source.stream(range, chunkSize: Streaming.chunkSize, body)
      return true
    case [.zstd]:
      let size = chunk.box.shape.reduce(array.dtype.itemSize, *)
      let pieceSize = min(Streaming.chunkSize, size)
      guard let stream = ZstandardStream(pieceSize: pieceSize) else { return false }
      var produced = 0
      try source.stream(range, chunkSize: Streaming.chunkSize) { packed in
        let isSound = try stream.feed(packed) { piece in
          produced += piece.count
          guard produced <= size else { throw Self.damaged(size) }
          try body(piece)
        }
        guard isSound else { throw Self.damaged(size) }
      }
      guard stream.isAtEnd else { throw Self.damaged(size) }
      return true
    default: return false
    }
  }

  private static func damaged(_ size: Int) -> CheckpointError {
    CheckpointError(
      "a chunk does not unpack, by zstd, to \(size) bytes",
      advice: "the data is damaged; fetch or save it again")
  }
}

extension ZarrCodecs {
  /// The most bytes that come of one that is stored.
  var maximumRatio: Int {
    switch self {
    case .elements(_, let codecs):
      codecs.reduce(1) { $0.multipliedChecked(by: $1.maximumRatio) ?? .max }
    case .shard(let shard): shard.codecs.maximumRatio
    }
  }
}

extension KeyValueStore.Place {
  /// The part `range` of the value.
  subscript(range: Range<Int>) -> KeyValueStore.Place {
    switch self {
    case .inline(let bytes):
      .inline(bytes[bytes.startIndex + range.lowerBound..<bytes.startIndex + range.upperBound])
    case .file(let number, let offset, _):
      .file(number, offset: offset + range.lowerBound, size: range.count)
    }
  }
}
