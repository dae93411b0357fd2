import Bytes
import CheckpointCore

/// A file that a registered format reads.
public struct FormatFile: Sendable {
  let file: RandomAccessFile

  init(_ file: RandomAccessFile) { self.file = file }

  /// The path as it was named.
  public var path: String { file.path }

  /// Bytes of the file.
  public var size: Int { file.size }

  /// The bytes `range` of the file.
  ///
  /// - Throws: `CheckpointError` where the file has no such bytes, or cannot be read.
  public func read(_ range: Range<Int>) throws -> [UInt8] {
    guard range.lowerBound >= 0, range.upperBound <= size else {
      throw CheckpointError(
        "it is cut short: bytes \(range.lowerBound) to \(range.upperBound) expected of \(size)",
        advice: "the file is damaged or truncated; fetch or save it again")
    }
    try CheckpointError.requireMemory(range.count)
    do {
      return try file.read(at: range.lowerBound, count: range.count)
    } catch {
      throw CheckpointError(error)
    }
  }
}
