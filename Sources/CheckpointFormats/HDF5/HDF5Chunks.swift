import Bytes
import CheckpointCore

/// The chunks of an HDF5 dataset.
struct HDF5Chunks: ChunkStorage {
  private let file: RandomAccessFile
  private let itemSize: Int
  private let chunkShape: [Int]
  private let filters: [HDF5FilterStep]
  /// By the index of the row of chunks.
  private let rows: [Int: [HDF5Index.Chunk]]

  /// Bytes of a chunk that the scale-offset filter may make out of nothing.
  private static let maximumConstant = 64 << 20

  /// The elements of a dataset.
  static func source(
    file: RandomAccessFile, shape: Shape, itemSize: Int, chunkShape: [Int],
    filters: [HDF5FilterStep], chunks: [HDF5Index.Chunk], fill: [UInt8]
  ) throws -> ChunkedSource<HDF5Chunks> {
    guard let bytes = Shape(chunkShape)?.count.multipliedChecked(by: itemSize) else {
      throw CheckpointError("chunks of \(chunkShape) elements do not fit 64 bits")
    }
    // Equal numbers take no bits at all there.
    let isConstant = filters.contains { $0.filter == .scaleOffset } && bytes <= maximumConstant
    for chunk in chunks {
      guard let end = chunk.address.addingChecked(chunk.size), chunk.address >= 0,
        chunk.size >= 0, end <= file.size,
        isConstant || bytes / Inflate.maximumRatio <= chunk.size
      else {
        throw CheckpointError(
          "its chunk of \(bytes) bytes, stored as \(chunk.size) at byte \(chunk.address), cannot be "
            + "in a file of \(file.size)",
          advice: "the file is truncated or damaged; fetch or save it again")
      }
    }
    let storage = HDF5Chunks(
      file: file, itemSize: itemSize, chunkShape: chunkShape, filters: filters,
      rows: Dictionary(grouping: chunks) { $0.origin[0] / chunkShape[0] })
    return ChunkedSource(
      storage, shape: shape, itemSize: itemSize, rowExtent: chunkShape[0], fill: fill,
      storedSize: chunks.count.multipliedChecked(by: bytes) ?? .max)
  }

  func chunks(inRow row: Int) -> [HDF5Index.Chunk] { rows[row] ?? [] }

  func box(of chunk: HDF5Index.Chunk) -> ChunkBox {
    ChunkBox(origin: chunk.origin, shape: chunkShape)
  }

  func decode(_ chunk: HDF5Index.Chunk) throws -> [UInt8] {
    var bytes: [UInt8]
    do {
      bytes = try file.read(at: chunk.address, count: chunk.size)
    } catch {
      throw CheckpointError(error)
    }
    // Checksums in between make a chunk longer by four bytes each.
    let limit = chunkShape.reduce(itemSize, *) + 4 * filters.count
    for (position, filter) in filters.enumerated().reversed()
    where chunk.filterMask & (1 << position) == 0 {
      bytes = try filter.undo(bytes, itemSize: itemSize, limit: limit)
    }
    return bytes
  }

  func stream(_ chunk: HDF5Index.Chunk, _ body: (Span<UInt8>) throws -> Void) -> Bool { false }
}
