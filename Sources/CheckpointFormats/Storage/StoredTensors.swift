import Bytes
import CheckpointCore

/// The tensors of a checkpoint by name, each with its storage and layout: what the readers of
/// formats that keep raw elements share.
struct StoredTensors: Sendable {
  struct Stored: Sendable {
    let source: any StorageSource
    let layout: ElementLayout
  }
  private(set) var stored: [TensorName: Stored] = [:]
  private(set) var entries: [CheckpointEntry] = []

  /// A view whose elements repeat (stride 0), or a fill value, can claim any size. Larger than this,
  /// it is no weight: it is listed, but not read.
  private static let maximumExpandedSize = 1 << 30

  /// Adds a tensor, or throws where it reaches beyond its storage.
  mutating func add(
    _ name: TensorName, _ layout: ElementLayout, in source: any StorageSource, key: String
  ) throws {
    guard let range = layout.byteRange, range.upperBound <= source.size else {
      throw CheckpointError(
        entry: name,
        "\(layout.dtype) \(layout.shape) with strides \(layout.strides) from byte "
          + "\(layout.byteOffset) reaches beyond its storage of \(source.size) bytes",
        advice: "the file is damaged; fetch or save it again")
    }
    let byteCount = layout.shape.count.multipliedChecked(by: layout.dtype.itemSize)
    guard let byteCount, byteCount <= max(source.storedSize, Self.maximumExpandedSize) else {
      return try addPlaceholder(
        name, .data,
        "\(layout.dtype) \(layout.shape), expanded from \(source.storedSize) bytes")
    }
    let view = StorageView(
      key: key, fileOffset: source.fileOffset, offset: layout.byteOffset,
      strides: layout.strides, changesValues: layout.isConjugated || layout.isNegated)
    let tensor = TensorInfo(name: name, dtype: layout.dtype, shape: layout.shape, storage: view)
    if try add(.tensor(tensor)) { stored[name] = Stored(source: source, layout: layout) }
  }

  mutating func addPlaceholder(
    _ name: TensorName, _ kind: Placeholder.Kind, _ reason: String
  ) throws {
    _ = try add(.placeholder(Placeholder(name: name, kind: kind, reason: reason)))
  }

  private var names: Set<TensorName> = []

  /// Adds an entry. Nested names that join to one name (the keys 1 and "1", say) cannot both be
  /// read: the second is listed as lost. False where that happened.
  private mutating func add(_ entry: CheckpointEntry) throws -> Bool {
    if names.insert(entry.name).inserted {
      entries.append(entry)
      return true
    }
    var number = 2
    while !names.insert("\(entry.name) (\(number))").inserted { number += 1 }
    entries.append(
      .placeholder(
        Placeholder(
          name: "\(entry.name) (\(number))", kind: .data,
          reason: "a second entry that is named \(entry.name); only the first can be read")))
    return false
  }

  func stream(
    _ tensor: TensorInfo, elements range: Range<Int>, chunkSize: Int, _ sink: ElementSink
  ) throws {
    guard let item = stored[tensor.nameInFile] else {
      throw CheckpointError(entry: tensor.nameInFile, "no such tensor in this file")
    }
    do {
      try item.layout.stream(range, from: item.source, chunkSize: chunkSize, sink)
    } catch let error as CheckpointError {
      throw error.inEntry(tensor.nameInFile.text)
    }
  }
}

/// A reader of a format that keeps raw elements: its entries and its data are in `contents`.
protocol StoredCheckpointReader: CheckpointReader {
  var contents: StoredTensors { get }
}

extension StoredCheckpointReader {
  var entries: [CheckpointEntry] { contents.entries }

  func stream(
    _ tensor: TensorInfo, elements range: Range<Int>, chunkSize: Int, _ sink: ElementSink
  ) throws {
    try contents.stream(tensor, elements: range, chunkSize: chunkSize, sink)
  }
}
