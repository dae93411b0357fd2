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

  /// What keeps a shard from being written, as a full disk does, is thrown as it is: it says nothing of
  /// the conversion.
  package func outcome(of index: Int) throws -> Outcome {
    let before = conversion.overflows.count
    return try inFile(conversion.checkpoint.path) {
      let file = try output.stage(index, overwrite: overwrite, work: work)
      staged.files.withLock { $0[index] = file }
      return Outcome(
        file: try FileIdentity(of: [file.temporaryPath], named: output.path(ofShard: index)),
        overflows: conversion.overflows.count - before)
    }
  }

  /// Refuses an index in the way before any work is done.
  package func checkIndex() throws {
    do {
      try output.checkIndex(overwrite: overwrite)
    } catch {
      throw CheckpointError(error)
    }
  }

  /// Gives the shards that were written their names: all, or none. An index that is to be replaced
  /// goes first: it must not name a mixture of old shards and new.
  package func commitShards() throws {
    let files = staged.files.withLock { files in files.sorted { $0.key < $1.key }.map(\.value) }
    do {
      if overwrite { try output.removeIndex() }
      try AtomicFile.commit(files)
    } catch {
      throw CheckpointError(error)
    }
  }

  /// Writes the index, which makes a checkpoint of the shards, once all of them are in place.
  ///
  /// - Parameters:
  ///   - outcomes: one per shard.
  ///   - allowingCopies: whether a shard may have been copied to its place.
  /// - Throws: `CheckpointError` where a shard is not the one that was written.
  package func commitIndex(_ outcomes: [Outcome], allowingCopies: Bool) throws {
    for (number, outcome) in outcomes.enumerated() {
      let path = output.path(ofShard: number)
      let found = try? FileIdentity(of: [path])
      guard let found, found.matches(outcome.file, allowingCopies: allowingCopies) else {
        throw CheckpointError(
          file: path,
          found == nil
            ? "this shard was written, and is not here"
            : "this shard is not the one that its part wrote, or was written since",
          advice: found == nil
            ? "merge in the folder in which the parts ran, or do its part again"
            : "do its part again (--allow-copies where it was copied to its place)")
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
