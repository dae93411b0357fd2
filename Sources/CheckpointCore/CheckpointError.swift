package import Bytes

/// A problem with a checkpoint or with what was asked of it, in one line a person can act on.
public struct CheckpointError: Error, Sendable, Equatable {
  /// Whose fault it is, which decides the exit code.
  public enum Kind: Sendable, Equatable {
    /// The file is not what it should be, or cannot be read or written.
    case badInput
    /// A check was made and failed, or a difference was found.
    case checkFailed
    /// The command line asks for something that does not exist or does not fit together.
    case usage
  }
  /// Whose fault it is.
  public let kind: Kind
  /// The file at fault, as it was named by the caller.
  public let file: String?
  /// The entry, tensor or rule within it.
  public let entry: String?
  /// What was expected and what was found.
  public let message: String
  /// What to do about it.
  public let advice: String?

  public init(
    kind: Kind = .badInput, file: String? = nil, entry: String? = nil, _ message: String,
    advice: String? = nil
  ) {
    self.kind = kind
    self.file = file
    self.entry = entry
    self.message = message
    self.advice = advice
  }

  /// An error about the tensor or group `entry`.
  public init(
    kind: Kind = .badInput, file: String? = nil, entry: TensorName, _ message: String,
    advice: String? = nil
  ) {
    self.init(kind: kind, file: file, entry: entry.text, message, advice: advice)
  }

  /// The same error, said of `file` where it named none.
  package func inFile(_ file: String) -> CheckpointError {
    CheckpointError(
      kind: kind, file: self.file ?? file, entry: entry, message, advice: advice)
  }

  /// The same error, said of `entry` where it named none.
  package func inEntry(_ entry: String) -> CheckpointError {
    CheckpointError(kind: kind, file: file, entry: self.entry ?? entry, message, advice: advice)
  }
}

extension CheckpointError: CustomStringConvertible {
  /// `FILE: ENTRY: what is wrong; what to do`, on one line whatever the names contain.
  public var description: String {
    var text = [file, entry.map { $0.isEmpty ? "\"\"" : abbreviated($0) }].compactMap { $0 }
      .map { printable($0) + ": " }.joined()
    text += oneLine(message)
    if let advice { text += "; " + oneLine(advice) }
    return text
  }
}

extension CheckpointError {
  /// A failed system call, with advice where the remedy is known.
  package init(_ error: FileSystemError) {
    self.init(
      file: error.path, "cannot \(error.action) this file: \(error.reason)",
      advice: error.advice)
  }

  /// Data that ended before `what` did.
  package init(_ error: ByteReader.Truncated, reading what: String) {
    self.init(
      "\(what) is cut short: \(error.needed) bytes expected at byte \(error.position), "
        + "\(error.available) found",
      advice: "the file is damaged or truncated; fetch or save it again")
  }
}

extension CheckpointError {
  /// Makes sure that a buffer of `count` bytes can be made.
  package static func requireMemory(_ count: Int) throws(CheckpointError) {
    guard Machine.canAllocate(count) else {
      throw CheckpointError(
        "\(count) bytes of memory are needed, and this process cannot have them",
        advice:
          "raise its limit (ulimit -v, a container's), or leave large tensors out with --exclude")
    }
  }
}
