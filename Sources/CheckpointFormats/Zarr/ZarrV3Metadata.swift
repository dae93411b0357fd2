import CheckpointCore

/// The `zarr.json` of version 3:
///
///     {"zarr_format": 3, "node_type": "array", "shape": […], "data_type": "float32",
///      "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": […]}},
///      "chunk_key_encoding": {"name": "default" | "v2", "configuration": {"separator": "/" | "."}},
///      "codecs": [{"name": …, "configuration": {…}}, …], "fill_value": …}
///
/// Codecs, in the order of writing: `transpose`; then `bytes` or `sharding_indexed`; then `zstd`,
/// `gzip`, `crc32c`. Source: https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html.
enum ZarrV3Metadata {
  static let name = "zarr.json"

  /// `nil` for a group of arrays, which has a `zarr.json` as well.
  ///
  /// - Throws: `ZarrUnsupported` where nothing is wrong, but it is not read here.
  static func array(_ root: DocumentNode) throws -> ZarrArray? {
    let version = try root.require("zarr_format").int()
    guard version == 3 else { throw root.problem("version \(version) of zarr, 3 expected") }
    if try root.require("node_type").string() == "group" { return nil }
    let dtype = try elementType(try root.require("data_type"))
    let grid = try root.require("chunk_grid")
    let gridName = try grid.require("name").string()
    guard gridName == "regular" else {
      throw ZarrUnsupported(reason: "a chunk grid of the kind '\(gridName)'")
    }
    let chunks = try grid.require("configuration").require("chunk_shape").items().map {
      try $0.int()
    }
    let shape = try ZarrArray.checkedShape(
      try root.require("shape").items().map { try $0.int() }, chunks: chunks,
      itemSize: dtype.itemSize)
    if let storage = try root.optional("storage_transformers")?.items(), !storage.isEmpty {
      throw ZarrUnsupported(reason: "storage transformers")
    }
    let chain = try ZarrCodecChain(try root.require("codecs"), chunkShape: chunks)
    return ZarrArray(
      dtype: dtype, isBigEndian: chain.isBigEndian && dtype.componentSize > 1, shape: shape,
      chunkShape: chunks, codecs: chain.codecs,
      fill: try ZarrFill.element(
        try root.require("fill_value"), dtype, isBigEndian: chain.isBigEndian),
      keys: try keys(root))
  }

  private static func elementType(_ node: DocumentNode) throws -> DType {
    guard case .string(let name) = node.value, let dtype = DType(rawValue: name),
      dtype != .complex32
    else {
      var name = "several parts"
      if case .string(let text) = node.value { name = "type '\(text)'" }
      throw ZarrUnsupported(reason: "elements of \(name), which have no counterpart here")
    }
    return dtype
  }

  private static func keys(_ root: DocumentNode) throws -> ZarrChunkKeys {
    let encoding = try root.require("chunk_key_encoding")
    let name = try encoding.require("name").string()
    let separator = try encoding.optional("configuration")?.optional("separator")?.string()
    switch name {
    case "default": return ZarrChunkKeys(separator: separator ?? "/", hasPrefix: true)
    case "v2": return ZarrChunkKeys(separator: separator ?? ".", hasPrefix: false)
    default: throw ZarrUnsupported(reason: "chunk keys of the kind '\(name)'")
    }
  }
}
