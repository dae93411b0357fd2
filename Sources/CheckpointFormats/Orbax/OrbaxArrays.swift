import CheckpointCore

/// The arrays in a store, and which of them a tree has named so far.
final class OrbaxArrays {
  private var arrays: ZarrStore
  private let isComplete: Bool
  private var named: Set<TensorName> = []

  /// - Parameter isComplete: whether a chunk that is not stored is lost. Else its elements have the
  ///   fill value.
  init(_ store: KeyValueStore, isComplete: Bool) {
    arrays = ZarrStore(store)
    self.isComplete = isComplete
  }

  /// Adds the array that the store has at `path`.
  ///
  /// - Throws: `CheckpointError` where there is none, or a part of it is missing.
  func add(_ name: TensorName, at path: String, to tensors: inout StoredTensors) throws {
    named.insert(TensorName(path))
    do {
      let node = try arrays.node(at: path)
      switch node?.item {
      case .array(let array)?: try add(name, array, at: path, to: &tensors)
      case .unsupported(let reason)?: try tensors.addPlaceholder(name, .data, reason)
      case .group?, nil:
        throw CheckpointError(
          "the tree has it, but no array '\(path)' is stored",
          advice: "the checkpoint is incomplete; fetch the whole folder, or save it again")
      }
      try addAttributes(of: name, node, to: &tensors)
    } catch let error as CheckpointError {
      throw error.inEntry(name.text)
    }
  }

  /// Attributes have the names that HDF5's have.
  private func addAttributes(
    of name: TensorName, _ node: ZarrStore.Node?, to tensors: inout StoredTensors
  ) throws {
    for attribute in node?.attributes ?? [] {
      try tensors.addValue(
        name.appending("@\(attribute.key)", separator: "/"), attribute.value, isMetadata: true)
    }
  }

  private func add(
    _ name: TensorName, _ array: ZarrArray, at path: String, to tensors: inout StoredTensors
  ) throws {
    let source = try ZarrChunks.source(
      array, in: arrays.store, under: path.isEmpty ? "" : path + "/", isComplete: isComplete)
    let layout = ElementLayout(
      dtype: array.dtype, shape: array.shape, byteOffset: 0, strides: array.shape.strides,
      isBigEndian: array.isBigEndian)
    try tensors.add(name, layout, in: source, key: path)
  }

  /// Adds every array that no tree has named, under its path in the store, and what is said of groups.
  func addRest(to tensors: inout StoredTensors) throws {
    for path in try arrays.paths() where !named.contains(TensorName(path)) {
      let node = try arrays.node(at: path)
      if case .group? = node?.item {
        try addAttributes(of: TensorName(path), node, to: &tensors)
        continue
      }
      try add(TensorName(path), at: path, to: &tensors)
    }
  }
}
