public import CheckpointCore

/// A format of a program's own, which it registers with `Checkpoint.register(_:)`.
///
/// Its files are then recognised, read and written like those of every other format: listed, hashed,
/// compared, converted and validated.
public struct CheckpointFormat: Sendable {
  /// The name it is chosen by, which no other format has.
  public let name: FormatName
  /// The extensions of its files' names, lower case, without a dot: what `Checkpoint.write` takes the
  /// format from, and by which a folder's checkpoints are found. A file's content alone tells what it
  /// is.
  public let extensions: [String]
  /// Whether the first bytes of a file, at most 64 KiB, are this format's.
  let matches: @Sendable (_ prefix: [UInt8]) -> Bool
  let open: @Sendable (FormatFile) throws -> any CheckpointReader
  let write: (@Sendable ([OutputTensor], FormatOutput) throws -> Void)?

  /// - Parameters:
  ///   - matches: whether the first bytes of a file, at most 64 KiB, are this format's.
  ///   - open: lists what a file holds and reads no element; `RawElementsReader` is the reader of a
  ///     file that keeps each tensor's elements as they are in memory.
  ///   - write: writes tensors into a file that has its name once this returns; `nil` for a format
  ///     that is only read.
  public init(
    name: FormatName, extensions: [String] = [],
    matches: @escaping @Sendable (_ prefix: [UInt8]) -> Bool,
    open: @escaping @Sendable (FormatFile) throws -> any CheckpointReader,
    write: (@Sendable ([OutputTensor], FormatOutput) throws -> Void)? = nil
  ) {
    self.name = name
    self.extensions = extensions
    self.matches = matches
    self.open = open
    self.write = write
  }
}

extension Checkpoint {
  /// Adds a format, of which every checkpoint that is opened from now on may be. It is looked for
  /// before the library's own, the newest first.
  public static func register(_ format: CheckpointFormat) { RegisteredFormats.add(format) }
}
