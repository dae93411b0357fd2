import Bytes
import CheckpointCore
import CheckpointFormats

/// The checkpoints that a path on the command line stands for.
enum CheckpointFolder {
  private static let indexSuffix = ".safetensors.index.json"

  /// The path itself, or, of a folder, the files in it whose extension is a checkpoint's. The
  /// shards of a set are checked through its index.
  static func checkpoints(at path: String) throws -> [String] {
    guard Folder.exists(path) else { return [path] }
    let names = try Folder.contents(path).sorted()
    let indexes = names.filter { $0.hasSuffix(indexSuffix) }
    let stems = indexes.map { $0.dropLast(indexSuffix.count) }
    let files = names.filter { name in
      let isShard =
        name.hasSuffix(".safetensors")
        && stems.contains { name.hasPrefix($0 + "-") && name.contains("-of-") }
      return !isShard
        && (CheckpointWriters.format(forPath: name) != nil || name.hasSuffix(".keras"))
    }
    guard !(files + indexes).isEmpty else {
      throw CheckpointError(
        file: path, "this folder holds no checkpoint", advice: "name the files themselves")
    }
    return (indexes + files).sorted().map { "\(path)/\($0)" }
  }
}
