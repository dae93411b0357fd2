package import Bytes
package import CheckpointCore

/// A sharded safetensors set that is to be written: what each of its files will hold.
package struct ShardedOutput: Sendable {
  /// The tensors of each shard, in order.
  package let shards: [[OutputTensor]]
  /// One sentence for each thing that the format holds in another form.
  package let notes: [String]
  private let values: [OutputValue]
  private let names: ShardNames
  private let writer = SafetensorsWriter()

  /// - Parameter limit: bytes of elements per shard; a larger tensor has a shard to itself.
  /// - Throws: `CheckpointError` where the tensors cannot be written.
  package init(
    _ tensors: [OutputTensor], _ values: [OutputValue], to path: String, limit: Int
  ) throws {
    notes = try CheckpointWriters.prepare(tensors, values, for: writer)
    shards = Self.partition(tensors, limit: limit)
    names = ShardNames(path: path, count: shards.count)
    self.values = values
  }

  /// The path of the index, which names the whole.
  package var path: String { names.index }

  package func path(ofShard number: Int) -> String { names.shard(number) }

  /// Refuses an index that is in the way.
  package func checkIndex(overwrite: Bool) throws(FileSystemError) {
    // Making the temporary file is the test; it goes away with its owner.
    _ = try AtomicFile(path: names.index, overwrite: overwrite)
  }

  /// Deletes the index that is to be replaced, where there is one.
  package func removeIndex() throws(FileSystemError) { try FileRemoval.remove(names.index) }

  /// The index, which waits for its name. What runs that were killed left of the set is deleted.
  package func index(overwrite: Bool) throws(FileSystemError) -> AtomicFile {
    AtomicFile.sweepLeftovers(of: names.index, outputs: names.isPart)
    let index = try AtomicFile(path: names.index, overwrite: overwrite)
    let document = names.document(shards).serialized(pretty: true) + "\n"
    try index.write(Array(document.utf8).span, at: 0)
    return index
  }

  /// A shard, whole, which waits for its name.
  package func stage(_ number: Int, overwrite: Bool, work: WorkLimits) throws -> AtomicFile {
    let file = try AtomicFile(path: names.shard(number), overwrite: overwrite)
    let held = writer.held(values, beside: shards[number])
    try writer.write(shards[number], held, to: file, work: work)
    try file.finish()
    return file
  }

  /// Runs of tensors in their order, each within the limit; an alias goes with what it names.
  private static func partition(_ tensors: [OutputTensor], limit: Int) -> [[OutputTensor]] {
    var shards: [[OutputTensor]] = []
    var shardOf: [TensorName: Int] = [:]
    var size = 0
    for tensor in tensors where tensor.aliasOf == nil {
      if shards.isEmpty || (size + tensor.byteCount > limit && size > 0) {
        shards.append([])
        size = 0
      }
      size += tensor.byteCount
      shards[shards.count - 1].append(tensor)
      shardOf[tensor.name] = shards.count - 1
    }
    for tensor in tensors {
      if let shard = tensor.aliasOf.flatMap({ shardOf[$0] }) { shards[shard].append(tensor) }
    }
    return shards
  }
}
