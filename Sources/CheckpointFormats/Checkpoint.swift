import Bytes
public import CheckpointCore

/// A checkpoint file, opened for reading, and the part of it that was asked for.
public struct Checkpoint: Sendable {
  public let path: String
  public let reader: any CheckpointReader
  /// How it was read.
  public let options: ReadOptions
  public let selection: EntrySelection
  /// The selected entries, in the file's order.
  public let entries: [CheckpointEntry]

  /// Opens `path`, whatever its format, and lists it. Reads no tensor data.
  ///
  /// - Throws: `CheckpointError`, naming the file.
  public init(
    path: String, options: ReadOptions = ReadOptions(),
    selection: EntrySelection = EntrySelection()
  ) throws {
    try self.init(path: path, at: path, options, selection)
  }

  /// - Parameter place: where the file that is to be named `path` is for now.
  init(
    path: String, at place: String, _ options: ReadOptions, _ selection: EntrySelection
  ) throws {
    do {
      let file = try RandomAccessFile(path: place)
      reader = try FormatDetection.open(file, options: options)
      entries = try selection.select(reader.entries)
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    } catch let error as CheckpointError {
      throw error.inFile(path)
    }
    self.path = path
    self.options = options
    self.selection = selection
  }

  /// The tensors, for whoever vouches for the whole.
  ///
  /// - Throws: `CheckpointError` where an entry holds data that cannot be read.
  public func readableTensors() throws -> [TensorInfo] {
    try CheckpointCore.inFile(path) { try entries.readableTensors() }
  }

  public var tensors: [TensorInfo] {
    entries.compactMap { if case .tensor(let tensor) = $0 { tensor } else { nil } }
  }

  public var placeholders: [Placeholder] {
    entries.compactMap { if case .placeholder(let item) = $0 { item } else { nil } }
  }

  /// `CheckpointReader.stream`, with the file named in errors.
  public func stream(
    _ tensor: TensorInfo, chunkSize: Int = Streaming.chunkSize,
    _ sink: ElementSink
  ) throws {
    do {
      try reader.stream(tensor, chunkSize: chunkSize, sink)
    } catch let error as CheckpointError {
      throw error.inFile(path)
    }
  }
}
