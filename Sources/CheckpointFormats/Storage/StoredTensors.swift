import Bytes
import CheckpointCore

/// The tensors of a checkpoint by name, each with its storage and layout: what the readers of
/// formats that keep raw elements share, and where what they list is held against
/// `StructureLimits`.
struct StoredTensors: Sendable {
  private struct Stored: Sendable {
    let source: any StorageSource
    let layout: ElementLayout
  }
  private(set) var entries: [CheckpointEntry] = []
  /// What the entry of the same index is read from.
  private var stored: [Stored?] = []
  private var places: [TensorName: Int] = [:]
  private var nameBytes = 0
  /// How often a name has come, where that is more than once.
  private var repeats: [TensorName: Int] = [:]
  /// Look-ups of names, which tests hold against the number of entries.
  private(set) var lookups = 0

  /// A view whose elements repeat (stride 0), or a fill value, can claim any size. Larger than this,
  /// it is no weight: it is listed, but not read.
  private static let maximumExpandedSize = 1 << 30

  /// Makes room for the entries of a file that says how many it has.
  mutating func reserveCapacity(_ count: Int) {
    entries.reserveCapacity(count)
    stored.reserveCapacity(count)
    places.reserveCapacity(count)
  }

  /// Adds a tensor, or throws where it reaches beyond its storage.
  mutating func add(
    _ name: TensorName, _ layout: ElementLayout, in source: any StorageSource, key: String
  ) throws {
    guard layout.shape.rank <= StructureLimits.rank else {
      throw CheckpointError.beyondLimit("extents", limit: StructureLimits.rank, entry: name)
    }
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
    try add(.tensor(tensor), Stored(source: source, layout: layout))
  }

  mutating func addPlaceholder(
    _ name: TensorName, _ kind: Placeholder.Kind, _ reason: String, value: PlainValue? = nil
  ) throws {
    try add(.placeholder(Placeholder(name: name, kind: kind, reason: reason, value: value)), nil)
  }

  /// Adds a plain value, whose summary is its reason.
  mutating func addValue(_ name: TensorName, _ value: JSONValue, isMetadata: Bool) throws {
    let plain = PlainValue(value, isMetadata: isMetadata)
    try addPlaceholder(name, .value, plain.summary, value: plain)
  }

  /// Adds what an archive within this checkpoint holds.
  ///
  /// - Parameters:
  ///   - part: the archive's name, which makes the keys of its storages its own.
  ///   - name: the name here of an entry of it.
  mutating func addEntries(
    of archive: StoredTensors, in part: String, name: (TensorName) -> TensorName
  ) throws {
    for (entry, source) in zip(archive.entries, archive.stored) {
      switch entry {
      case .placeholder(let item):
        try addPlaceholder(name(item.name), item.kind, item.reason, value: item.value)
      case .tensor(let tensor):
        guard let source else { continue }
        try add(
          name(tensor.name), source.layout, in: source.source,
          key: "\(part)/\(tensor.storage?.key ?? "")")
      }
    }
  }

  /// Adds an entry. Nested names that join to one name (the keys 1 and "1", say) cannot both be
  /// read: the second is listed as lost.
  private mutating func add(_ entry: CheckpointEntry, _ source: Stored?) throws {
    nameBytes += entry.name.utf8.count
    guard entries.count < StructureLimits.entries else {
      throw CheckpointError.beyondLimit("entries", limit: StructureLimits.entries)
    }
    guard nameBytes <= StructureLimits.nameBytes else {
      throw CheckpointError.beyondLimit("bytes of names", limit: StructureLimits.nameBytes)
    }
    if insert(entry.name) {
      entries.append(entry)
      stored.append(source)
      return
    }
    // Counted on from the last time: names that come a thousand times are found as often.
    var number = repeats[entry.name, default: 1]
    var name: TensorName
    repeat {
      number += 1
      name = "\(entry.name) (\(number))"
    } while !insert(name)
    repeats[entry.name] = number
    entries.append(
      .placeholder(
        Placeholder(
          name: name, kind: .data,
          reason:
            "a second entry that is named \(abbreviated(entry.name.text)); only the first can "
            + "be read")))
    stored.append(nil)
  }

  /// Notes the name of the next entry; false where another has it.
  private mutating func insert(_ name: TensorName) -> Bool {
    lookups += 1
    return Self.note(entries.count, at: &places[name])
  }

  /// Puts the place of a new name where its look-up has led; false where a name's place is there.
  private static func note(_ place: Int, at found: inout Int?) -> Bool {
    guard found == nil else { return false }
    found = place
    return true
  }

  /// A name that more than one entry came with.
  var repeatedName: TensorName? { repeats.keys.min() }

  func contains(_ name: TensorName) -> Bool { places[name] != nil }

  /// How a tensor lies in its storage; `nil` for any other entry.
  func layout(of name: TensorName) -> ElementLayout? {
    places[name].flatMap { stored[$0]?.layout }
  }

  /// A tensor's storage, and how it lies in it; `nil` for any other entry.
  func storage(of name: TensorName) -> (layout: ElementLayout, source: any StorageSource)? {
    places[name].flatMap { stored[$0].map { ($0.layout, $0.source) } }
  }

  func stream(
    _ tensor: TensorInfo, elements range: Range<Int>, chunkSize: Int, _ sink: ElementSink
  ) throws {
    guard let item = places[tensor.nameInFile].flatMap({ stored[$0] }) else {
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
