import Bytes
import CheckpointCore

/// How the bytes of a chunk give its elements: undone from the last to the first.
indirect enum ZarrCodecs: Sendable {
  /// The elements, axis by axis in `order`, then what was done to the bytes.
  case elements(order: [Int], [ZarrByteCodec])
  /// The chunk is a shard: smaller chunks, found by an index at its start or end.
  case shard(ZarrShard)
}

/// How a shard is divided (`sharding_indexed`).
struct ZarrShard: Sendable {
  /// Of one of the smaller chunks.
  let chunkShape: [Int]
  let codecs: ZarrCodecs
  let isIndexAtEnd: Bool
  let isIndexBigEndian: Bool
  let hasIndexChecksum: Bool
}

/// What is done to the bytes of a chunk.
enum ZarrByteCodec: Sendable, Equatable {
  case zstd, gzip, zlib, crc32c

  /// No more than this many bytes come of one.
  var maximumRatio: Int {
    switch self {
    case .zstd: Zstandard.maximumRatio
    case .gzip, .zlib: Inflate.maximumRatio
    case .crc32c: 1
    }
  }

  /// The bytes before the codec.
  ///
  /// - Parameter limit: bytes that may come of it.
  func undo(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
    let result: [UInt8]? =
      switch self {
      case .zstd: Zstandard.decompress(bytes.span, limit: limit)
      case .gzip: Inflate.unpack(bytes.span, .gzip, limit: limit)
      case .zlib: Inflate.unpack(bytes.span, .zlib, limit: limit)
      case .crc32c: try Self.checked(bytes)
      }
    guard let result else {
      throw CheckpointError(
        "a chunk of \(bytes.count) bytes does not unpack, by \(self), to at most \(limit)",
        advice: "the data is damaged; fetch or save it again")
    }
    return result
  }

  /// Drops the CRC-32C at the end, little-endian, after comparing it.
  static func checked(_ bytes: [UInt8]) throws -> [UInt8] {
    guard bytes.count >= 4 else { throw CheckpointError("a chunk is too short for its checksum") }
    let stored = bytes.suffix(4).reversed().reduce(UInt32(0)) { ($0 << 8) | UInt32($1) }
    let found = CRC32C.of(bytes.span.extracting(0..<bytes.count - 4))
    guard stored == found else {
      throw CheckpointError(
        "a chunk's CRC-32C is \(hexadecimal(found)), the file says \(hexadecimal(stored))",
        advice: "the data is damaged; fetch or save it again")
    }
    return Array(bytes.dropLast(4))
  }
}
