public import CheckpointCore

/// A checkpoint, opened for reading, and the part of it that was asked for.
public struct Checkpoint: Sendable {
  /// The file or the folder that was taken: of a folder with several checkpoints, one of them.
  public let path: String
  package let reader: any CheckpointReader
  /// How it was read.
  public let options: ReadOptions
  /// What is selected of `path`.
  public let selection: EntrySelection
  /// The selected entries, in the file's order.
  public let entries: [CheckpointEntry]
  /// Sentences about what was taken of a folder that holds more.
  public let notes: [String]

  /// Opens `path`, a file, an index of shards or a folder of whatever format, and lists it. Reads no
  /// tensor data.
  ///
  /// - Throws: `CheckpointError`, naming the file.
  public init(
    path: String, options: ReadOptions = ReadOptions(),
    selection: EntrySelection = EntrySelection()
  ) throws {
    let place = try CheckpointPlace.find(path, options, key: selection.key)
    var selection = selection
    selection.key = place.key
    try self.init(
      path: place.path, place.reader, options, selection, notes: place.notes)
  }

  /// The checkpoints that `path` stands for, for whoever looks at each by itself: of a folder that is
  /// no checkpoint, the checkpoints among its files; of a shard, the index that has it; otherwise `path`.
  ///
  /// - Throws: `CheckpointError` where the folder cannot be read.
  public static func places(
    in path: String, options: ReadOptions = ReadOptions()
  ) throws -> [String] {
    try CheckpointPlace.each(in: path, options)
  }

  /// Every checkpoint at and below `path`, in the order of their names.
  ///
  /// - Throws: `CheckpointError` where a folder cannot be read.
  package static func all(below path: String) throws -> [String] {
    try CheckpointPlace.below(path)
  }

  /// The files that the checkpoint at `path` consists of, as far as names tell: nothing is opened but
  /// an index of shards.
  package static func files(at path: String) throws -> [String] {
    try CheckpointPlace.files(at: path)
  }

  /// A file that is to be named `path`, and is at `place` for now.
  init(path: String, at place: String, _ options: ReadOptions) throws {
    let opened: CheckpointPlace
    do {
      opened = try CheckpointPlace.find(place, options, key: nil)
    } catch let error as CheckpointError {
      throw error.inFile(path)
    }
    try self.init(path: path, opened.reader, options, EntrySelection(), notes: [])
  }

  /// A checkpoint that was opened before, elsewhere.
  ///
  /// - Parameters:
  ///   - entries: those that were selected.
  package init(
    path: String, reader: any CheckpointReader, options: ReadOptions, selection: EntrySelection,
    entries: [CheckpointEntry], notes: [String]
  ) {
    (self.path, self.reader, self.options, self.selection) = (path, reader, options, selection)
    (self.entries, self.notes) = (entries, notes)
  }

  private init(
    path: String, _ reader: any CheckpointReader, _ options: ReadOptions,
    _ selection: EntrySelection, notes: [String]
  ) throws {
    do {
      entries = try selection.select(reader.entries)
    } catch let error as CheckpointError {
      throw error.inFile(path)
    }
    (self.path, self.reader, self.options, self.selection) = (path, reader, options, selection)
    self.notes = notes
  }

  /// The tensors, for whoever vouches for the whole.
  ///
  /// - Throws: `CheckpointError` where an entry holds data that cannot be read.
  public func readableTensors() throws -> [TensorInfo] {
    try CheckpointCore.inFile(path) { try entries.readableTensors() }
  }

  /// The format it was recognised as.
  public var format: FormatName { reader.format }

  /// The format's name for a person, with its variant: "NumPy npz", "PyTorch zip".
  public var formatDescription: String { reader.formatDescription }

  /// The selected tensors, in the file's order.
  public var tensors: [TensorInfo] {
    entries.compactMap { if case .tensor(let tensor) = $0 { tensor } else { nil } }
  }

  /// The selected entries that are no tensors: plain values, and data that has no representation here.
  public var placeholders: [Placeholder] {
    entries.compactMap { if case .placeholder(let item) = $0 { item } else { nil } }
  }

  /// Streams all elements of `tensor` in C order, little-endian, as consecutive runs, each with the
  /// position of its first element. They count as read only on return: a bad checksum may be known
  /// after the last run.
  ///
  /// - Throws: `CheckpointError`, naming the file, where they cannot be read; whatever `sink` throws.
  public func stream(_ tensor: TensorInfo, _ sink: ElementSink) throws {
    do {
      try reader.stream(tensor, sink)
    } catch let error as CheckpointError {
      throw error.inFile(path)
    }
  }
}
