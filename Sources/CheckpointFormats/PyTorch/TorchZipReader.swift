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
/// NAME is any folder. Sources: torch/serialization.py, caffe2/serialize/inline_container.h.
struct TorchZipReader: CheckpointReader {
  let format = FormatName.torch
  let formatDescription = "PyTorch zip"
  private let contents: StoredTensors

  /// The pickle is held in memory, as PyTorch does; data.pkl of the largest models is a few MiB.
  private static let maximumPickleSize = 1 << 30

  var entries: [CheckpointEntry] { contents.entries }

  /// The folder of the archive that holds `data.pkl`, with its slash; `nil` where none does.
  static func root(of archive: ZipArchive) -> String? {
    archive.entries.first { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }
      .map { String($0.name.dropLast("data.pkl".count)) }
  }

  init(_ archive: ZipArchive, root: String) throws {
    let byName = Dictionary(
      archive.entries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    func source(_ name: String) -> ZipEntrySource? {
      byName[root + name].map { ZipEntrySource(archive, $0, .zeroMeansNone) }
    }
    guard let pickle = source("data.pkl") else {
      throw CheckpointError("there is no data.pkl in this archive")
    }
    guard pickle.size <= Self.maximumPickleSize else {
      throw CheckpointError(
        entry: root + "data.pkl",
        "\(pickle.size) bytes of pickle; at most \(Self.maximumPickleSize) are read")
    }
    let isBigEndian =
      try source("byteorder").map { try $0.read(0..<min(16, $0.size)) }
      == Array("big".utf8)
    let tree: PickleTree
    do {
      tree = try PickleMachine.decode(try pickle.read(0..<pickle.size)[...]).tree
    } catch let error as CheckpointError {
      throw error.inEntry(root + "data.pkl")
    }
    var contents = StoredTensors()
    var storages: [String: ZipEntrySource] = [:]
    for (name, item) in try TorchObjectWalker(tree).found {
      switch item {
      case .placeholder(let kind, let reason): try contents.addPlaceholder(name, kind, reason)
      case .tensor(let record):
        let key = record.storage.key
        let storage = storages[key] ?? source("data/\(key)")
        guard let storage else {
          throw CheckpointError(
            entry: name, "its storage \(root)data/\(key) is not in the archive",
            advice: "the file is incomplete; fetch or save it again")
        }
        try Self.check(record.storage, storage.size, name)
        storages[key] = storage
        try contents.add(
          name, try record.layout(isBigEndian: isBigEndian), in: storage, key: key)
      }
    }
    self.contents = contents
  }

  /// The storage's size in the archive must be what the pickle says.
  private static func check(
    _ record: TorchStorageRecord, _ size: Int, _ name: String
  ) throws {
    let expected = record.count.multipliedChecked(by: record.dtype?.itemSize ?? 1)
    guard expected == size else {
      throw CheckpointError(
        entry: name,
        "its storage \(record.key) (\(record.className), \(record.count) elements) should have "
          + "\(expected.map(String.init) ?? "too many") bytes, the archive has \(size)",
        advice: "the file is damaged; fetch or save it again")
    }
  }

  func stream(
    _ tensor: TensorInfo, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    try contents.stream(tensor, chunkSize: chunkSize, body)
  }
}
