import Bytes
package import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import Synchronization

/// Writes a conversion's output as a sharded safetensors set, shard by shard.
package struct ShardPass: ElementPass {
  /// A shard that was written.
  package struct Outcome: Sendable {
    let file: FileIdentity
    /// Elements that a cast made infinite.
    let overflows: Int
  }

  private let conversion: Conversion
  private let output: ShardedOutput
  private let overwrite: Bool
  private let work: WorkLimits
  private let staged = Staged()
  /// A shard's tensors are made on all threads already.
  package var threads: Int { 1 }

  private final class Staged: Sendable {
    let files = Mutex<[Int: AtomicFile]>([:])
  }

  /// - Parameter limit: bytes of elements per shard.
  package init(
    _ conversion: Conversion, to path: String, limit: Int, overwrite: Bool, work: WorkLimits
  ) throws {
    self.conversion = conversion
    output = try ShardedOutput(conversion.outputs, conversion.values, to: path, limit: limit)
    (self.overwrite, self.work) = (overwrite, work)
  }

  /// One sentence for each thing that the format holds in another form.
  package var notes: [String] { output.notes }

  /// The path of the index, which names the whole.
  package var path: String { output.path }

  package var items: [WorkItem] {
    output.shards.enumerated().map { number, tensors in
      WorkItem(
        name: TensorName(output.path(ofShard: number)),
        byteCount: tensors.reduce(0) { $0 + ($1.aliasOf == nil ? $1.byteCount : 0) })
    }
  }

  package func outcome(of index: Int) throws -> Outcome {
    let before = conversion.overflows.count
    do {
      let file = try output.stage(index, overwrite: overwrite, work: work)
      staged.files.withLock { $0[index] = file }
      return Outcome(
        file: try FileIdentity(of: [file.temporaryPath], named: output.path(ofShard: index)),
        overflows: conversion.overflows.count - before)
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
  }

  /// Gives the shards that were written their names: all, or none.
  package func commitShards() throws {
    let files = staged.files.withLock { files in files.sorted { $0.key < $1.key }.map(\.value) }
    do {
      try AtomicFile.commit(files)
    } catch {
      throw CheckpointError(error)
    }
  }

  /// Writes the index, which makes a checkpoint of the shards, once all of them are in place.
  ///
  /// - Parameter outcomes: one per shard.
  /// - Throws: `CheckpointError` where a shard is not the one that was written.
  package func commitIndex(_ outcomes: [Outcome]) throws {
    for (number, outcome) in outcomes.enumerated() {
      let path = output.path(ofShard: number)
      let found = try? FileIdentity(of: [path])
      guard let found, found.matches(outcome.file, allowingCopies: true) else {
        throw CheckpointError(
          file: path,
          found == nil
            ? "this shard was written, and is not in its place"
            : "this shard is not the one that its part wrote",
          advice: "do that part again; the index is not written")
      }
      conversion.overflows.add(outcome.overflows)
    }
    do {
      try output.index(overwrite: overwrite).commit()
    } catch {
      throw CheckpointError(error)
    }
  }
}

extension ShardPass.Outcome: RecordedOutcome {
  package var record: JSONValue {
    .object(["file": file.record, "overflows": .int(overflows)])
  }

  package init(record node: DocumentNode) throws {
    file = try FileIdentity(record: try node.require("file"))
    overflows = try node.require("overflows").int()
  }
}
