import Bytes
import CheckpointCore

/// The index of a sharded set: `{"metadata": {…}, "weight_map": {NAME: FILE, …}}`.
enum SafetensorsIndex {
  /// Larger than any real index; it is parsed in memory.
  static let maximumSize = 256 << 20

  static func matches(_ prefix: [UInt8]) -> Bool {
    prefix.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
  }
}

/// A set of safetensors files named by a `*.index.json`. Every name of the index must be in its
/// file and every tensor of the files in the index.
struct SafetensorsShardsReader: CheckpointReader {
  let format = FormatName.safetensors
  let formatDescription: String
  let entries: [CheckpointEntry]
  private let shards: [TensorName: SafetensorsReader]
  /// Names of files are compared as names of tensors are: as bytes.
  private let shardOfName: [TensorName: TensorName]

  init(indexFile: RandomAccessFile) throws {
    let map = try Self.weightMap(indexFile)
    let folder = indexFile.path.lastIndex(of: "/").map { indexFile.path[...$0] } ?? ""
    var shards: [TensorName: SafetensorsReader] = [:]
    for file in Set(map.map(\.file)).sorted() {
      let name = file.text
      guard !name.contains("/"), name != "..", !name.isEmpty else {
        throw CheckpointError(
          entry: name, "a shard must be a file beside its index, without a path")
      }
      do {
        shards[file] = try SafetensorsReader(try RandomAccessFile(path: folder + name))
      } catch let error as FileSystemError {
        throw CheckpointError(error)
      } catch let error as CheckpointError {
        throw error.inFile(folder + name)
      }
    }
    let shardOfName = Dictionary(map.map { ($0.name, $0.file) }, uniquingKeysWith: { a, _ in a })
    var entries: [CheckpointEntry] = []
    var missing = Set(shardOfName.keys)
    var values: [TensorName: Placeholder] = [:]
    for (file, shard) in shards.sorted(by: { $0.key < $1.key }) {
      for entry in shard.entries {
        if case .placeholder(let item) = entry, item.kind == .value {
          // What every file says is listed once.
          let known = values[item.name]
          if known == nil { entries.append(entry) }
          if let known, known != item { entries.append(entry.renamed("\(item.name) (\(file))")) }
          values[item.name] = item
          continue
        }
        let isAlias = shardOfName[entry.name] == nil && shard.aliases.contains(entry.name)
        guard shardOfName[entry.name] == file || isAlias else {
          throw CheckpointError(
            entry: entry.name,
            "this tensor is in \(file), but the index says "
              + (shardOfName[entry.name].map { "it is in \($0)" } ?? "nothing of it"))
        }
        missing.remove(entry.name)
        entries.append(entry.inShard(file))
      }
    }
    guard missing.isEmpty else {
      throw CheckpointError(
        entry: missing.min()?.text,
        "the index names \(missing.count) tensors that its files do not have")
    }
    self.entries = entries
    self.shards = shards
    self.shardOfName = Dictionary(
      shards.flatMap { file, shard in shard.entries.map { ($0.name, file) } },
      uniquingKeysWith: { a, _ in a })
    formatDescription = "safetensors, \(shards.count) shards"
  }

  private static func weightMap(
    _ file: RandomAccessFile
  ) throws -> [(name: TensorName, file: TensorName)] {
    guard file.size <= SafetensorsIndex.maximumSize else {
      throw CheckpointError("\(file.size) bytes are too many for an index")
    }
    let document: JSONValue
    do {
      document = try JSONParser.parse(try file.readPrefix(file.size))
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    } catch {
      throw CheckpointError("this is no safetensors index: not valid JSON, \(error)")
    }
    guard case .object(let members)? = document["weight_map"] else {
      throw CheckpointError(
        "this JSON document has no 'weight_map', so it is no safetensors index")
    }
    return try members.map { member in
      guard case .string(let shard) = member.value else {
        throw CheckpointError(entry: member.key, "a file name expected in the weight_map")
      }
      return (TensorName(member.key), TensorName(shard))
    }
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

extension CheckpointEntry {
  /// The entry with a storage key that is its shard's own.
  fileprivate func inShard(_ file: TensorName) -> CheckpointEntry {
    guard case .tensor(let tensor) = self, let view = tensor.storage else { return self }
    return .tensor(
      TensorInfo(
        name: tensor.name, dtype: tensor.dtype, shape: tensor.shape,
        storage: StorageView(
          key: file.text, fileOffset: view.fileOffset, offset: view.offset, strides: view.strides)))
  }
}
