import Bytes
import CheckpointCore
import Synchronization

/// A tensor and the place in the output file where its elements go.
struct PlacedTensor: Sendable {
  let tensor: OutputTensor
  let offset: Int
}

extension AtomicFile {
  /// Produces every tensor and writes it to its place, several at once, within the memory limit.
  ///
  /// - Parameter observe: sees each chunk of tensor `index` as it is written, in order.
  func write(
    _ placed: [PlacedTensor], work: WorkLimits,
    observe: @Sendable (_ index: Int, _ chunk: Span<UInt8>) -> Void = { _, _ in }
  ) throws {
    let budget = MemoryBudget(bytes: work.memory)
    try parallelFor(placed.count, threads: work.threads) { index in
      let (tensor, offset) = (placed[index].tensor, placed[index].offset)
      guard tensor.shape.count > 0 else { return }
      try budget.withBytes(tensor.workingMemory) {
        do throws(CheckpointError) {
          try CheckpointError.requireMemory(tensor.workingMemory)
        } catch {
          throw error.inEntry(tensor.name.text)
        }
        var written = 0
        try tensor.produce { position, chunk in
          // Checksums are taken as the elements pass: they must come in order.
          guard position * tensor.dtype.itemSize == written,
            written + chunk.count <= tensor.byteCount
          else {
            throw CheckpointError.wrongLength(tensor, found: written + chunk.count)
          }
          // In pieces that stay in the cache from the checksum to the write.
          for start in stride(from: 0, to: chunk.count, by: Streaming.chunkSize) {
            let part = chunk.extracting(start..<min(start + Streaming.chunkSize, chunk.count))
            observe(index, part)
            try writeChecked(part, at: offset + written)
            written += part.count
            work.progress?.advance(bytes: part.count)
          }
        }
        guard written == tensor.byteCount else {
          throw CheckpointError.wrongLength(tensor, found: written)
        }
      }
      work.progress?.finishTensor()
    }
  }

  /// `write(_:at:)`, with errors as people read them.
  func writeChecked(_ bytes: Span<UInt8>, at offset: Int) throws {
    do {
      try write(bytes, at: offset)
    } catch {
      throw CheckpointError(error)
    }
  }
}

extension CheckpointError {
  fileprivate static func wrongLength(_ tensor: OutputTensor, found: Int) -> CheckpointError {
    CheckpointError(
      entry: tensor.name, "\(tensor.byteCount) bytes expected from its source, \(found) came")
  }
}
