import CheckpointCore

/// The tensors of a checkpoint by name, each with its storage and layout: what the readers of
/// formats that keep raw elements share.
struct StoredTensors: Sendable {
  struct Stored: Sendable {
    let source: any StorageSource
    let layout: ElementLayout
  }
  private(set) var stored: [String: Stored] = [:]
  private(set) var entries: [CheckpointEntry] = []

  /// Adds a tensor, or throws where its name is taken or it reaches beyond its storage.
  mutating func add(
    _ name: String, _ layout: ElementLayout, in source: any StorageSource, key: String
  ) throws {
    guard let range = layout.byteRange, range.upperBound <= source.size else {
      throw CheckpointError(
        entry: name,
        "\(layout.dtype) \(layout.shape) with strides \(layout.strides) from byte "
          + "\(layout.byteOffset) reaches beyond its storage of \(source.size) bytes",
        advice: "the file is damaged; fetch or save it again")
    }
    let view = StorageView(
      key: key, fileOffset: source.fileOffset, offset: layout.byteOffset,
      strides: layout.strides)
    let tensor = TensorInfo(name: name, dtype: layout.dtype, shape: layout.shape, storage: view)
    try add(.tensor(tensor))
    stored[name] = Stored(source: source, layout: layout)
  }

  mutating func addPlaceholder(_ name: String, _ kind: Placeholder.Kind, _ reason: String) throws {
    try add(.placeholder(Placeholder(name: name, kind: kind, reason: reason)))
  }

  private var names: Set<String> = []

  private mutating func add(_ entry: CheckpointEntry) throws {
    guard names.insert(entry.name).inserted else {
      throw CheckpointError(
        entry: entry.name, "two entries of this file have this name",
        advice: "save it again with distinct names")
    }
    entries.append(entry)
  }

  func stream(
    _ tensor: TensorInfo, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    guard let item = stored[tensor.nameInFile] else {
      throw CheckpointError(entry: tensor.nameInFile, "no such tensor in this file")
    }
    do {
      try item.layout.stream(from: item.source, chunkSize: chunkSize, body)
    } catch let error as CheckpointError {
      throw error.inEntry(tensor.nameInFile)
    }
  }
}
