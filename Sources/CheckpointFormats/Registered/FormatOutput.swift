import Bytes
public import CheckpointCore

/// A file that a registered format writes: under a name of its own until all of it is there.
public struct FormatOutput: Sendable {
  private let file: AtomicFile
  private let work: WorkLimits

  init(_ file: AtomicFile, _ work: WorkLimits) { (self.file, self.work) = (file, work) }

  /// Writes `bytes` from byte `offset` on.
  ///
  /// - Throws: `CheckpointError` where they cannot be written.
  public func write(_ bytes: [UInt8], at offset: Int) throws {
    try file.writeChecked(bytes.span, at: offset)
  }

  /// Writes the elements of tensors, several at once: each in C order, little-endian, from its byte
  /// of the file on. An alias has none.
  ///
  /// - Throws: `CheckpointError` where one cannot be read or written.
  public func write(elementsOf tensors: [(tensor: OutputTensor, offset: Int)]) throws {
    try file.write(
      tensors.filter { $0.tensor.aliasOf == nil }.map {
        PlacedTensor(tensor: $0.tensor, offset: $0.offset)
      }, work: work)
  }
}

/// A registered format's writer.
struct RegisteredWriter: CheckpointWriter {
  let format: FormatName
  let body: @Sendable ([OutputTensor], FormatOutput) throws -> Void

  func prepare(_ tensors: [OutputTensor]) throws -> [String] { [] }

  func write(
    _ tensors: [OutputTensor], _ values: [OutputValue], to file: AtomicFile, work: WorkLimits
  ) throws {
    try body(tensors, FormatOutput(file, work))
  }
}
