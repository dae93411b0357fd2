import Bytes
import CheckpointCore

/// The tensors that a PyTorch pickle describes, joined with the storages that a container holds:
/// what the readers of files with such a pickle share.
enum TorchContents {
  /// - Parameters:
  ///   - tensors: records of a tar file, which its pickle refers to by key.
  ///   - prefix: what the names begin with.
  ///   - separator: what joins their parts.
  ///   - storage: finds a storage's bytes.
  static func collect(
    _ tree: PickleTree, into contents: inout StoredTensors, isBigEndian: Bool,
    tensors: [TensorName: TorchTensorRecord] = [:], prefix: [String] = [],
    separator: String = ".",
    storage: (TorchStorageRecord, _ tensor: TensorName) throws -> any StorageSource
  ) throws {
    try TorchObjectWalker.walk(tree, tensors: tensors, prefix: prefix, separator: separator) {
      name, item in
      switch item {
      case .placeholder(let kind, let reason, let value):
        try contents.addPlaceholder(name, kind, reason, value: value)
      case .array(let layout, let bytes):
        try contents.add(name, layout, in: MemorySource(bytes: bytes), key: name.text)
      case .tensor(let record):
        let source: any StorageSource =
          try record.storage.bytes.map { MemorySource(bytes: $0) } ?? storage(record.storage, name)
        let expected = record.storage.count.multipliedChecked(
          by: record.storage.dtype?.itemSize ?? 1)
        guard expected == source.size else {
          throw CheckpointError(
            entry: name,
            "its storage \(record.storage.key) (\(record.storage.className), "
              + "\(record.storage.count) elements) should have "
              + "\(expected.map(String.init) ?? "too many") bytes, the file has \(source.size)",
            advice: "the file is damaged; fetch or save it again")
        }
        try contents.add(
          name, try record.layout(isBigEndian: isBigEndian), in: source, key: record.storage.key)
      }
    }
  }
}
