import Bytes
import CheckpointCore

/// What the metadata of a zarr array, of either version, says: a grid of chunks of one shape, each a
/// value of its own in a store, and how a chunk's bytes give elements.
///
/// Sources: https://zarr-specs.readthedocs.io, versions 2 and 3.
struct ZarrArray: Sendable {
  let dtype: DType
  let isBigEndian: Bool
  let shape: Shape
  let chunkShape: [Int]
  let codecs: ZarrCodecs
  /// One element as it is stored.
  let fill: [UInt8]
  let keys: ZarrChunkKeys

  /// Chunks along each axis.
  var grid: [Int] {
    zip(shape.dimensions, chunkShape).map { ($0 + $1 - 1) / $1 }
  }

  /// - Throws: `CheckpointError` where the extents do not fit each other.
  static func checkedShape(_ extents: [Int], chunks: [Int], itemSize: Int) throws -> Shape {
    guard let shape = Shape(extents), shape.count.multipliedChecked(by: itemSize) != nil else {
      throw CheckpointError("its shape is not one of sizes that fit 64 bits")
    }
    guard chunks.count == extents.count, chunks.allSatisfy({ $0 > 0 }),
      let count = Shape(chunks)?.count, count.multipliedChecked(by: itemSize) != nil,
      zip(extents, chunks).allSatisfy({ $0.addingChecked($1) != nil })
    else {
      throw CheckpointError("chunks of \(chunks) do not fit an array of shape \(shape)")
    }
    return shape
  }
}

/// How the place of a chunk in the grid becomes the name of its value.
struct ZarrChunkKeys: Sendable {
  let separator: String
  /// Version 3 puts a `c` before the indices.
  let hasPrefix: Bool

  func key(_ index: [Int]) -> String {
    if hasPrefix { return (["c"] + index.map(String.init)).joined(separator: separator) }
    return index.isEmpty ? "0" : index.map(String.init).joined(separator: separator)
  }
}

/// Why a zarr array cannot be read here, although nothing is wrong with it.
struct ZarrUnsupported: Error {
  let reason: String
}
