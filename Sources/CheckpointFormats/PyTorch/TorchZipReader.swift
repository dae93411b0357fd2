import Bytes
import CheckpointCore

/// A PyTorch checkpoint since 1.6: what `torch.save` writes.
///
///     NAME/data.pkl                 the pickled object; storages are persistent IDs
///     NAME/byteorder                "little" or "big" (absent before 1.12: little)
///     NAME/data/0, NAME/data/1, …   the raw bytes of each storage
///     NAME/version                  the version of the container, "3"
///     NAME/.format_version, NAME/.storage_alignment, NAME/.data/serialization_id   since 2.x
///
/// NAME is any folder. A TorchScript archive is laid out alike, with the module's attributes as the
/// state of objects of generated classes, its code beside them, and constants in `constants.pkl`
/// and `constants/`. Sources: torch/serialization.py, caffe2/serialize/inline_container.h.
struct TorchZipReader: StoredCheckpointReader {
  let format = FormatName.torch
  let formatDescription: String
  let contents: StoredTensors
  /// What the pickled object is, in a few words, and all of it where it is plain.
  let summary: String
  let value: PlainValue?

  /// The pickle is held in memory, as PyTorch does; data.pkl of the largest models is a few MiB.
  private static let maximumPickleSize = 1 << 30

  /// `nil` where no folder of the archive holds a `data.pkl`.
  static func open(_ archive: ZipArchive) throws -> TorchZipReader? {
    let pickles = archive.entries.map(\.name).filter {
      $0 == "data.pkl" || $0.hasSuffix("/data.pkl")
    }
    guard pickles.count <= 1 else {
      throw CheckpointError(
        "there are \(pickles.count) PyTorch checkpoints in this archive: "
          + pickles.prefix(4).joined(separator: ", "),
        advice: "unpack it and save each by itself")
    }
    return try pickles.first.map {
      try TorchZipReader(archive, root: String($0.dropLast("data.pkl".count)))
    }
  }

  private init(_ archive: ZipArchive, root: String) throws {
    let byName = Dictionary(
      archive.entries.map { (TensorName($0.name), $0) }, uniquingKeysWith: { first, _ in first })
    // `torch.serialization.set_crc32_options(False)` writes zeros throughout.
    let hasChecksums = archive.entries.contains { $0.crc != 0 }
    func source(_ name: String) -> ZipEntrySource? {
      byName[TensorName(root + name)].map {
        ZipEntrySource(archive, $0, hasChecksums ? .required : .absent)
      }
    }
    guard let pickle = source("data.pkl") else {
      throw CheckpointError("there is no data.pkl in this archive")
    }
    let isBigEndian =
      try source("byteorder").map { try $0.read(0..<min(16, $0.size)) }
      == Array("big".utf8)
    func decode(_ pickle: ZipEntrySource, _ name: String) throws -> PickleTree {
      guard pickle.size <= Self.maximumPickleSize else {
        throw CheckpointError(
          entry: name,
          "\(pickle.size) bytes of pickle; at most \(Self.maximumPickleSize) are read")
      }
      do {
        return try PickleMachine.decode(try pickle.read(0..<pickle.size)[...]).tree
      } catch let error as CheckpointError {
        throw error.inEntry(name)
      }
    }
    var contents = StoredTensors()
    var storages: [TensorName: ZipEntrySource] = [:]
    func collect(_ tree: PickleTree, folder: String, prefix: [String]) throws {
      try TorchContents.collect(
        tree, into: &contents, isBigEndian: isBigEndian, prefix: prefix
      ) { record, tensor in
        let path: TensorName = "\(folder)/\(record.key)"
        guard let storage = storages[path] ?? source(path.text) else {
          throw CheckpointError(
            entry: tensor, "its storage \(root)\(path) is not in the archive",
            advice: "the file is incomplete; fetch or save it again")
        }
        storages[path] = storage
        return storage
      }
    }
    let object = try decode(pickle, root + "data.pkl")
    summary = object.root.map { object.summary($0) } ?? ""
    var values = PickleValues(object)
    value = object.root.flatMap { values.json($0) }.map { PlainValue($0, isMetadata: false) }
    try collect(object, folder: "data", prefix: [])
    if let constants = source("constants.pkl") {
      let tree = try decode(constants, root + "constants.pkl")
      try collect(tree, folder: "constants", prefix: ["constants"])
    }
    formatDescription = source("constants.pkl") == nil ? "PyTorch zip" : "TorchScript"
    self.contents = contents
  }
}
