import Bytes
import CheckpointCore

/// Where the chunks of a shard lie in it: for each, in C order, offset and length as 64-bit numbers,
/// both all ones for a chunk that is not stored; then, mostly, a CRC-32C.
///
/// Source: https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed.
struct ZarrShardIndex {
  private var ranges: [Range<Int>?] = []

  /// - Parameters:
  ///   - source: the shard.
  ///   - count: chunks in a shard.
  init(_ shard: ZarrShard, _ source: some StorageSource, count: Int) throws {
    let checksum = shard.hasIndexChecksum ? 4 : 0
    guard let size = count.multipliedChecked(by: 16)?.addingChecked(checksum),
      size <= source.size
    else {
      throw CheckpointError(
        "a shard of \(source.size) bytes is too short for the index of its \(count) chunks",
        advice: "the data is damaged; fetch or save it again")
    }
    let start = shard.isIndexAtEnd ? source.size - size : 0
    var bytes = try source.read(start..<start + size)
    if shard.hasIndexChecksum { bytes = try ZarrByteCodec.checked(bytes) }
    var reader = ByteReader(bytes)
    ranges.reserveCapacity(count)
    for _ in 0..<count {
      let (offset, length): (UInt64, UInt64) =
        shard.isIndexBigEndian
        ? (try reader.readBigEndian(), try reader.readBigEndian())
        : (try reader.readLittleEndian(), try reader.readLittleEndian())
      if offset == .max, length == .max {
        ranges.append(nil)
        continue
      }
      guard let from = Int(exactly: offset), let count = Int(exactly: length),
        let end = from.addingChecked(count), end <= source.size
      else {
        throw CheckpointError(
          "a chunk of \(length) bytes at \(offset) reaches beyond its shard of \(source.size)",
          advice: "the data is damaged; fetch or save it again")
      }
      ranges.append(from..<end)
    }
  }

  /// The chunks of a shard, each with the place of its first element in the shard.
  func chunks(
    of shape: [Int], by chunkShape: [Int]
  ) -> [(offset: [Int], range: Range<Int>?)] {
    let grid = zip(shape, chunkShape).map { $0 / $1 }
    guard let strides = contiguousStrides(grid) else { return [] }
    return ranges.enumerated().map { position, range in
      let offset = grid.indices.map { position / strides[$0] % grid[$0] * chunkShape[$0] }
      return (offset, range)
    }
  }
}
