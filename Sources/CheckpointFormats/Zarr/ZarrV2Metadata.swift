import CheckpointCore

/// The `.zarray` of version 2:
///
///     {"zarr_format": 2, "shape": […], "chunks": […], "dtype": "<f4", "order": "C" | "F",
///      "compressor": null | {"id": "zstd" | "gzip" | "zlib" | …}, "filters": null,
///      "fill_value": …, "dimension_separator": "." | "/"}
///
/// Types that NumPy has no character for stand under TensorStore's names ("bfloat16").
/// Source: https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html.
enum ZarrV2Metadata {
  static let name = ".zarray"

  /// - Throws: `ZarrUnsupported` where nothing is wrong, but it is not read here.
  static func array(_ root: DocumentNode) throws -> ZarrArray {
    let version = try root.require("zarr_format").int()
    guard version == 2 else { throw root.problem("version \(version) of zarr, 2 expected") }
    let (dtype, isBigEndian) = try elements(try root.require("dtype"))
    let chunks = try root.require("chunks").items().map { try $0.int() }
    let shape = try ZarrArray.checkedShape(
      try root.require("shape").items().map { try $0.int() }, chunks: chunks,
      itemSize: dtype.itemSize)
    if let filters = try root.optional("filters")?.items(), !filters.isEmpty {
      let names = try filters.map { try $0.require("id").string() }
      throw ZarrUnsupported(reason: "chunks with filters: \(names.joined(separator: ", "))")
    }
    let axes = Array(0..<shape.rank)
    let order = try root.require("order").string()
    guard ["C", "F"].contains(order) else { throw root.problem("the order '\(order)'; C or F") }
    let separator = try root.optional("dimension_separator")?.string() ?? "."
    return ZarrArray(
      dtype: dtype, isBigEndian: isBigEndian, shape: shape, chunkShape: chunks,
      codecs: .elements(order: order == "C" ? axes : axes.reversed(), try compressor(root)),
      fill: try ZarrFill.element(try root.optional("fill_value"), dtype, isBigEndian: isBigEndian),
      keys: ZarrChunkKeys(separator: separator, hasPrefix: false))
  }

  private static func elements(_ node: DocumentNode) throws -> (DType, isBigEndian: Bool) {
    guard case .string(let name) = node.value else {
      throw ZarrUnsupported(reason: "elements of several fields")
    }
    switch NpyDescriptor(.string(name), rawTypes: [:]) {
    case .elements(let dtype, let isBigEndian): return (dtype, isBigEndian)
    case .objects: throw ZarrUnsupported(reason: "Python objects")
    case .unsupported(let reason): throw ZarrUnsupported(reason: reason)
    }
  }

  private static func compressor(_ root: DocumentNode) throws -> [ZarrByteCodec] {
    guard let compressor = try root.optional("compressor") else { return [] }
    switch try compressor.require("id").string() {
    case "zstd": return [.zstd]
    case "gzip": return [.gzip]
    case "zlib": return [.zlib]
    case let other: throw ZarrUnsupported(reason: "chunks compressed with \(other)")
    }
  }
}
