import CheckpointCore

/// The items of one step as one checkpoint: the tensor `a/b` of the item `state` is `state/a/b`.
struct ItemsReader: CheckpointReader {
  let format: FormatName
  let formatDescription: String
  let entries: [CheckpointEntry]
  private let places: [TensorName: (reader: any CheckpointReader, tensor: TensorInfo)]

  /// - Parameters:
  ///   - items: at least one.
  ///   - others: folders beside them.
  init(
    _ items: [(name: String, reader: any CheckpointReader)], others: [Placeholder]
  ) throws {
    var entries: [CheckpointEntry] = []
    var places: [TensorName: (reader: any CheckpointReader, tensor: TensorInfo)] = [:]
    for (item, reader) in items {
      for entry in reader.entries {
        let name =
          entry.name.isEmpty ? TensorName(item) : "\(item)/\(entry.name)" as TensorName
        let placed = entry.placed(in: item, as: name)
        entries.append(placed)
        if case .tensor(let tensor) = entry { places[name] = (reader, tensor) }
      }
    }
    entries += others.map(CheckpointEntry.placeholder)
    guard entries.count <= StructureLimits.entries else {
      throw CheckpointError.beyondLimit("entries", limit: StructureLimits.entries)
    }
    self.entries = entries
    self.places = places
    format = items[0].reader.format
    let kinds = Set(items.map(\.reader.formatDescription)).sorted().joined(separator: " and ")
    formatDescription = "\(kinds), \(items.count) items"
  }

  func stream(
    _ tensor: TensorInfo, elements range: Range<Int>, chunkSize: Int, _ sink: ElementSink
  ) throws {
    guard let place = places[tensor.nameInFile] else {
      throw CheckpointError(entry: tensor.nameInFile, "no such tensor in these items")
    }
    do {
      try place.reader.stream(place.tensor, elements: range, chunkSize: chunkSize, sink)
    } catch let error as CheckpointError {
      throw error.inEntry(tensor.nameInFile.text)
    }
  }
}

extension CheckpointEntry {
  /// The entry under `name`, with a storage key that is the own one of `part`, one of several.
  func placed(in part: String, as name: TensorName) -> CheckpointEntry {
    guard case .tensor(let tensor) = self else { return renamed(name) }
    return .tensor(
      TensorInfo(
        name: name, dtype: tensor.dtype, shape: tensor.shape,
        storage: tensor.storage.map { view in
          StorageView(
            key: "\(part)/\(view.key)", fileOffset: view.fileOffset, offset: view.offset,
            strides: view.strides, changesValues: view.changesValues)
        }))
  }
}
