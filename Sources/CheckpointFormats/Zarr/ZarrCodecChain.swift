import Bytes
import CheckpointCore

/// The codecs of version 3, as they stand in the metadata.
struct ZarrCodecChain {
  let codecs: ZarrCodecs
  /// The byte order of the elements, in all shards alike.
  let isBigEndian: Bool

  /// Shards within shards; nobody writes more than two levels.
  private static let maximumDepth = 4

  init(_ list: DocumentNode, chunkShape: [Int]) throws {
    try self.init(list, chunkShape: chunkShape, depth: 0)
  }

  private init(_ list: DocumentNode, chunkShape: [Int], depth: Int) throws {
    guard depth <= Self.maximumDepth else { throw list.problem("shards are nested too deep") }
    var order = Array(chunkShape.indices)
    var bytes: [ZarrByteCodec] = []
    var elements: (ZarrShard?, isBigEndian: Bool)?
    for codec in try list.items() {
      let name = try Self.name(of: codec)
      switch name {
      case "transpose" where elements == nil:
        let next = try codec.require("configuration").require("order").items().map {
          try $0.int()
        }
        guard next.sorted() == Array(chunkShape.indices) else {
          throw codec.problem("\(next) is no order of \(chunkShape.count) axes")
        }
        order = next.map { order[$0] }
      case "bytes" where elements == nil:
        elements = (nil, try Self.isBigEndian(codec))
      case "sharding_indexed" where elements == nil:
        elements = try Self.shard(
          try codec.require("configuration"), chunkShape: chunkShape, depth: depth)
      case "zstd" where elements != nil: bytes.append(.zstd)
      case "gzip" where elements != nil: bytes.append(.gzip)
      case "crc32c" where elements != nil: bytes.append(.crc32c)
      case "transpose", "bytes", "sharding_indexed", "zstd", "gzip", "crc32c":
        throw codec.problem("the codec \(name) has no place here")
      default: throw ZarrUnsupported(reason: "chunks written with the codec \(name)")
      }
    }
    guard let elements else { throw list.problem("no codec makes bytes of the elements") }
    isBigEndian = elements.isBigEndian
    guard let shard = elements.0 else {
      codecs = .elements(order: order, bytes)
      return
    }
    guard bytes.isEmpty, order == Array(chunkShape.indices) else {
      throw ZarrUnsupported(reason: "shards that are compressed or transposed as a whole")
    }
    codecs = .shard(shard)
  }

  /// A codec without a configuration may stand as its name alone.
  private static func name(of codec: DocumentNode) throws -> String {
    if case .string(let name) = codec.value { return name }
    return try codec.require("name").string()
  }

  /// The order of the codec `bytes`, which single bytes do not have.
  private static func isBigEndian(_ codec: DocumentNode) throws -> Bool {
    guard case .object = codec.value else { return false }
    return try codec.optional("configuration")?.optional("endian")?.string() == "big"
  }

  private static func shard(
    _ configuration: DocumentNode, chunkShape: [Int], depth: Int
  ) throws -> (ZarrShard?, isBigEndian: Bool) {
    let inner = try configuration.require("chunk_shape").items().map { try $0.int() }
    guard inner.count == chunkShape.count, inner.allSatisfy({ $0 > 0 }),
      zip(chunkShape, inner).allSatisfy({ $0 % $1 == 0 })
    else {
      throw configuration.problem("chunks of \(inner) do not divide a shard of \(chunkShape)")
    }
    let chain = try ZarrCodecChain(
      try configuration.require("codecs"), chunkShape: inner, depth: depth + 1)
    let index = try configuration.require("index_codecs").items()
    let names = try index.map(name)
    guard names == ["bytes"] || names == ["bytes", "crc32c"] else {
      throw ZarrUnsupported(reason: "shards whose index is written with \(names)")
    }
    let location = try configuration.optional("index_location")?.string() ?? "end"
    guard ["start", "end"].contains(location) else {
      throw configuration.problem("the index location '\(location)'; start or end")
    }
    let shard = ZarrShard(
      chunkShape: inner, codecs: chain.codecs, isIndexAtEnd: location == "end",
      isIndexBigEndian: try isBigEndian(index[0]), hasIndexChecksum: names.count == 2)
    return (shard, chain.isBigEndian)
  }
}
