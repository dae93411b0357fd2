import Bytes
import CheckpointCore

/// The elements of a chunked dataset, put together row of chunks by row of chunks.
struct HDF5ChunkedSource: StorageSource {
  let size: Int
  let storedSize: Int
  var fileOffset: Int? { nil }

  private let file: RandomAccessFile
  private let shape: Shape
  private let itemSize: Int
  private let chunkShape: [Int]
  private let filters: [HDF5Filter]
  /// By the index of the row of chunks.
  private let rows: [Int: [HDF5Index.Chunk]]
  private let fill: [UInt8]

  /// Deflate grows no more than 1032 times (RFC 1951), so a chunk that claims more is damaged.
  private static let maximumRatio = 1032

  init(
    file: RandomAccessFile, shape: Shape, itemSize: Int, chunkShape: [Int], filters: [HDF5Filter],
    chunks: [HDF5Index.Chunk], fill: [UInt8]
  ) throws {
    guard let bytes = Shape(chunkShape)?.count.multipliedChecked(by: itemSize) else {
      throw CheckpointError("chunks of \(chunkShape) elements do not fit 64 bits")
    }
    for chunk in chunks {
      guard let end = chunk.address.addingChecked(chunk.size), chunk.address >= 0,
        chunk.size >= 0, end <= file.size, bytes / Self.maximumRatio <= chunk.size
      else {
        throw CheckpointError(
          "its chunk of \(bytes) bytes, stored as \(chunk.size) at byte \(chunk.address), cannot be "
            + "in a file of \(file.size)",
          advice: "the file is truncated or damaged; fetch or save it again")
      }
    }
    self.file = file
    self.shape = shape
    self.itemSize = itemSize
    self.chunkShape = chunkShape
    self.filters = filters
    self.fill = fill
    size = shape.count * itemSize
    let chunkTotal = chunks.count.multipliedChecked(by: bytes) ?? .max
    storedSize = min(size, chunkTotal)
    rows = Dictionary(grouping: chunks) { $0.origin[0] / chunkShape[0] }
  }

  func stream(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    guard !range.isEmpty else { return }
    // A row of chunks covers whole outermost slices, which are contiguous in the dataset.
    let rowBytes = chunkShape[0] * (shape.count / shape.dimensions[0]) * itemSize
    for row in range.lowerBound / rowBytes...(range.upperBound - 1) / rowBytes {
      let start = row * rowBytes
      let bytes = try assemble(row)
      let wanted = range.clamped(to: start..<start + bytes.count)
      for part in stride(from: wanted.lowerBound, to: wanted.upperBound, by: chunkSize) {
        let end = min(part + chunkSize, wanted.upperBound)
        try body(bytes.span.extracting(part - start..<end - start))
      }
    }
  }

  private func assemble(_ row: Int) throws -> [UInt8] {
    let first = row * chunkShape[0]
    let count = min(chunkShape[0], shape.dimensions[0] - first)
    let target = [count] + shape.dimensions.dropFirst()
    var bytes = [UInt8](repeating: 0, count: target.reduce(itemSize, *))
    let present = rows[row] ?? []
    if fill.contains(where: { $0 != 0 }) {
      for index in bytes.indices { bytes[index] = fill[index % fill.count] }
    }
    for chunk in present { try place(chunk, in: &bytes, target: target, first: first) }
    return bytes
  }

  /// Copies the part of a chunk that lies within the dataset: chunks at its edges reach beyond.
  private func place(
    _ chunk: HDF5Index.Chunk, in bytes: inout [UInt8], target: [Int], first: Int
  ) throws {
    let data = try unfiltered(chunk)
    let origin = [chunk.origin[0] - first] + chunk.origin.dropFirst()
    let extent = zip(zip(target, origin), chunkShape).map { min($0.0 - $0.1, $1) }
    guard extent.allSatisfy({ $0 > 0 }), let targetStrides = contiguousStrides(target),
      let chunkStrides = contiguousStrides(chunkShape)
    else { throw CheckpointError("a chunk lies outside its dataset") }
    let copy = StridedCopy(
      shape: extent, sourceStrides: chunkStrides, targetStrides: targetStrides,
      targetOffset: zip(origin, targetStrides).reduce(0) { $0 + $1.0 * $1.1 })
    var span = bytes.mutableSpan
    guard copy?(from: data.span, to: &span, elementSize: itemSize) == true else {
      throw CheckpointError(
        "a chunk holds \(data.count) bytes, too few for its shape",
        advice: "the file is damaged; fetch or save it again")
    }
  }

  private func unfiltered(_ chunk: HDF5Index.Chunk) throws -> [UInt8] {
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
}
