import Bytes
import CheckpointCore

/// The files that an index names, as one checkpoint. Every name of the index must be in its file and
/// every tensor of the files in the index.
struct ShardSetReader: CheckpointReader {
  let format: FormatName
  let formatDescription: String
  let entries: [CheckpointEntry]
  let companions: [String]
  private let shards: [TensorName: any CheckpointReader]
  /// Names of files are compared as names of tensors are: as bytes.
  private let shardOfName: [TensorName: TensorName]

  init(_ index: ShardIndex, in folder: CheckpointFolder, _ options: ReadOptions) throws {
    let files = index.shards
    guard !files.isEmpty else {
      throw CheckpointError("this index of shards names no file")
    }
    let shards = try Self.open(files, in: folder, options)
    let format = shards[0].reader.format
    if let other = shards.first(where: { $0.reader.format != format }) {
      throw CheckpointError(
        entry: other.file,
        "this shard is a \(other.reader.format.rawValue) file, the first a \(format.rawValue) file",
        advice: "the set is mixed up; fetch or save it again")
    }
    let merged = try Self.merged(shards, index)
    self.format = format
    entries = merged.entries
    companions = files.map { folder.path(of: $0.text) }
    shardOfName = merged.shardOfName
    self.shards = Dictionary(
      shards.map { ($0.file, $0.reader) }, uniquingKeysWith: { first, _ in first })
    formatDescription =
      "\(shards[0].reader.formatDescription), \(shards.count) shard\(shards.count == 1 ? "" : "s")"
  }

  private typealias Shard = (file: TensorName, reader: any CheckpointReader)

  private static func open(
    _ files: [TensorName], in folder: CheckpointFolder, _ options: ReadOptions
  ) throws -> [Shard] {
    if let path = files.first(where: { $0.text.contains("/") || ["", ".", ".."].contains($0) }) {
      throw CheckpointError(
        entry: path, "a shard must be a file beside its index, without a path")
    }
    let missing = files.filter { !folder.isPresent($0.text) }
    guard missing.isEmpty else {
      let shown = missing.prefix(4).map(\.text).joined(separator: ", ")
      throw CheckpointError(
        "\(missing.count) of the \(files.count) shards that this index names "
          + "\(missing.count == 1 ? "is" : "are") not beside it: \(shown)"
          + (missing.count > 4 ? ", …" : ""),
        advice: "fetch what is missing into the same folder")
    }
    return try files.map { name in
      let file = try folder.file(name.text)
      do {
        return (name, try FormatDetection.open(file, in: nil, options: options))
      } catch let error as CheckpointError {
        throw error.inFile(file.path)
      }
    }
  }

  /// The entries of all shards, and the shard of each.
  private static func merged(
    _ shards: [Shard], _ index: ShardIndex
  ) throws -> (entries: [CheckpointEntry], shardOfName: [TensorName: TensorName]) {
    let indexed = Dictionary(
      index.weightMap.map { ($0.name, $0.file) }, uniquingKeysWith: { first, _ in first })
    var shardOfName: [TensorName: TensorName] = [:]
    var entries: [CheckpointEntry] = []
    var values: [TensorName: CheckpointEntry] = [:]
    for (file, reader) in shards {
      let aliases = (reader as? SafetensorsReader)?.aliases ?? []
      for entry in reader.entries {
        if case .placeholder(let item) = entry, item.kind == .value {
          // What every file says is listed once.
          let known = values.updateValue(entry, forKey: item.name)
          if known == nil { entries.append(entry) }
          if let known, known != entry { entries.append(entry.renamed("\(item.name) (\(file))")) }
          continue
        }
        let isAlias = indexed[entry.name] == nil && aliases.contains(entry.name)
        guard indexed[entry.name] == file || isAlias else {
          throw CheckpointError(
            entry: entry.name,
            "this tensor is in \(file), but the index says "
              + (indexed[entry.name].map { "it is in \($0)" } ?? "nothing of it"),
            advice: "index and shards belong to different checkpoints; fetch or save them again")
        }
        shardOfName[entry.name] = file
        entries.append(entry.placed(in: file.text, as: entry.name))
      }
    }
    let missing = indexed.filter { shardOfName[$0.key] == nil }
    if let first = missing.min(by: { $0.key < $1.key }) {
      throw CheckpointError(
        entry: first.key,
        "the index says that \(first.value) has this tensor, which it has not; "
          + "\(missing.count) \(missing.count == 1 ? "is" : "are") missing in all",
        advice: "index and shards belong to different checkpoints; fetch or save them again")
    }
    return (entries, shardOfName)
  }

  func stream(
    _ tensor: TensorInfo, elements range: Range<Int>, chunkSize: Int, _ sink: ElementSink
  ) throws {
    guard let shard = shardOfName[tensor.nameInFile].flatMap({ shards[$0] }) else {
      throw CheckpointError(entry: tensor.nameInFile, "no such tensor in these files")
    }
    try shard.stream(tensor, elements: range, chunkSize: chunkSize, sink)
  }
}
