package import CheckpointCore
package import CheckpointFormats

/// How a command gets at checkpoints and at the outcomes of its passes over their elements: by doing
/// all of it, by doing one part of it, or from what the parts found.
///
/// A command opens all that it needs before it asks for outcomes, and asks for them in an order that
/// no element decides: then the parts and the merge follow the same way.
package protocol DividedWork: AnyObject {
  /// Which part is done; `nil` where all of it is, or was.
  var part: Part? { get }
  /// Whether the elements are elsewhere, and nothing but outcomes is at hand.
  var isMerge: Bool { get }
  /// Whether files that were written at another time may be those that the parts read or wrote.
  var allowsCopies: Bool { get }

  /// The checkpoint that `open` opens at `path`.
  ///
  /// - Parameters:
  ///   - options: how it is read.
  ///   - selection: what is read of it.
  func checkpoint(
    at path: String, _ options: ReadOptions, _ selection: EntrySelection
  ) throws -> Checkpoint

  /// The checkpoints that `path` stands for.
  func places(in path: String, _ options: ReadOptions) throws -> [String]

  /// Notes that the command reads the document at `path`: it must be the same in all parts.
  func reads(_ path: String)

  /// The outcomes of a pass; `nil` where others do the rest of it.
  func outcomes<Pass: ElementPass>(of pass: Pass) throws -> [Pass.Outcome]?
}

extension DividedWork {
  package var part: Part? { nil }
  package var isMerge: Bool { false }
  package var allowsCopies: Bool { false }

  package func reads(_ path: String) {}
}

/// All of the work, here and now.
package final class WholeWork: DividedWork {
  package init() {}

  package func checkpoint(
    at path: String, _ options: ReadOptions, _ selection: EntrySelection
  ) throws -> Checkpoint {
    try Checkpoint(path: path, options: options, selection: selection)
  }

  package func places(in path: String, _ options: ReadOptions) throws -> [String] {
    try Checkpoint.places(in: path, options: options)
  }

  package func outcomes<Pass: ElementPass>(of pass: Pass) throws -> [Pass.Outcome]? {
    try pass.outcomes()
  }
}
