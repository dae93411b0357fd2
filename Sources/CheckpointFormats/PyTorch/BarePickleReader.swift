import Bytes
import CheckpointCore

/// A pickle by itself, of protocol 0 to 5: what `pickle.dump` writes of a dict of NumPy or PyTorch
/// arrays, and `paddle.save` (`.pdparams`) of a model.
///
/// It goes through the same machine as PyTorch's: nothing is imported or called. The arrays' elements
/// stand in the pickle, which is held in memory.
struct BarePickleReader: StoredCheckpointReader {
  let format = FormatName.pickle
  let formatDescription = "Python pickle"
  let contents: StoredTensors

  /// Whether a file begins as a pickle does: with PROTO, or, before protocol 2, with a container or a
  /// class.
  static func matches(_ prefix: [UInt8]) -> Bool {
    isMarked(prefix) || prefix.first.map("(}])c".utf8.contains) ?? false
  }

  private static func isMarked(_ prefix: [UInt8]) -> Bool {
    prefix.count > 1 && prefix[0] == PickleOpcode.proto.rawValue && prefix[1] <= 5
  }

  /// Opens the pickle, or the distributed checkpoint whose metadata it is; `nil` for a file that only
  /// begins like a pickle of an old protocol.
  static func open(_ candidate: CandidateFile) throws -> (any CheckpointReader)? {
    let file = candidate.file
    var pickles = PickleSequence(file)
    let tree: PickleTree
    do {
      tree = try pickles.next()
    } catch {
      if isMarked(candidate.prefix) { throw error }
      return nil
    }
    if DCPMetadata.matches(tree), let folder = candidate.folder { return try DCPReader(folder) }
    guard pickles.position == file.size else {
      throw CheckpointError(
        "\(file.size - pickles.position) bytes follow the pickle, which would not be read",
        advice: "one file can hold one checkpoint: save what follows by itself")
    }
    var contents = StoredTensors()
    try contents.addPickled(tree, name: "", separator: ".")
    return BarePickleReader(contents: contents)
  }

  private init(contents: StoredTensors) { self.contents = contents }
}

extension StoredTensors {
  /// Adds what a pickle holds, whose arrays have their elements in it, below `name`.
  mutating func addPickled(_ tree: PickleTree, name: TensorName, separator: String) throws {
    try TorchContents.collect(
      tree, into: &self, isBigEndian: false, prefix: name.isEmpty ? [] : [name.text],
      separator: separator
    ) { record, tensor in
      throw CheckpointError(
        entry: tensor, "its storage \(record.key) is in another file",
        advice: "this pickle is a part of a PyTorch file; name that")
    }
  }
}
