/// What the structure of a checkpoint (its names, its nesting, where its tensors lie) may amount to,
/// in every format, for reading and for writing: what one refuses the other does not make.
///
/// The limits lie far above any model and low enough that a small file made to exhaust memory or time
/// ends in a sentence. Below them, work and memory are linear in the size of the structure.
package enum StructureLimits {
  /// Tensors and other entries. A trillion-parameter mixture of experts with its optimizer's state
  /// has a few hundred thousand.
  package static let entries = 1_000_000
  /// UTF-8 bytes of all names together: 256 for each of the entries.
  package static let nameBytes = 256 << 20
  /// Levels of groups, and so parts of a name where they are nested: readers and writers recurse.
  package static let depth = 100
  /// Extents of a tensor: NumPy's and PyTorch's own limit. (HDF5's is 32.)
  package static let rank = 64
  /// Values that make up the structure around one entry: the keys, numbers and tuples of a pickle or
  /// a MessagePack file. PyTorch takes about 20 for a tensor.
  package static let valuesPerEntry = 16
  /// Values of a file in all.
  package static let values = valuesPerEntry * entries
  /// Entries that so many values may give. One list can be referred to again and again, and so can a
  /// list of such lists: a hundred values can have more paths than there are atoms. A model that
  /// shares modules names each tensor a few times.
  package static func entries(ofValues count: Int) -> Int { 1000 + 4 * count }
  /// Blocks that a tensor is stored in one by one.
  package static let chunks = 4_000_000
}

extension CheckpointError {
  /// More of `what` than a limit allows.
  package static func beyondLimit(
    _ what: String, limit: Int, entry: TensorName? = nil
  ) -> CheckpointError {
    CheckpointError(
      entry: entry?.text, "more than \(limit) \(what), which no checkpoint has",
      advice: "the file is damaged or was made to exhaust memory")
  }
}
