import Bytes
import CheckpointCore

/// What lies in a folder that is no checkpoint by itself.
struct FolderContents {
  struct Step {
    let number: Int
    let name: String
  }

  /// A folder that is a checkpoint.
  struct Item {
    let name: String
    let folder: CheckpointFolder
    let format: FolderFormat
  }

  private let folder: CheckpointFolder
  private let names: [String]
  private let options: ReadOptions

  init(_ folder: CheckpointFolder, _ options: ReadOptions) throws {
    self.folder = folder
    self.options = options
    names = try folder.names()
  }

  /// The names under which Hugging Face's libraries look for a model, in their order.
  private static let modelNames = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json", "flax_model.msgpack", "flax_model.msgpack.index.json",
  ]

  /// The file that is the model, where names tell: by Hugging Face's, or the only index of shards.
  var model: String? {
    if let known = Self.modelNames.first(where: names.contains) { return known }
    let indexes = names.filter(ShardIndex.isName)
    return indexes.count == 1 ? indexes[0] : nil
  }

  /// The numbered folders of a manager, in the order of their numbers: `3`, `step_3`, `checkpoint-3`.
  /// Names with several beginnings are no steps. Flax's older manager leaves files,
  /// `checkpoint_3`.
  var steps: [Step] {
    let numbered = names.compactMap { name -> (prefix: Substring, step: Step)? in
      guard let match = name.wholeMatch(of: /(.*?)([0-9]+)/), let number = Int(match.2),
        // What Orbax has not finished writing.
        !match.1.contains(".orbax-checkpoint-tmp"),
        folder.containsFolder(name) || match.1 == "checkpoint_" && folder.contains(name)
      else { return nil }
      return (match.1, Step(number: number, name: name))
    }
    guard Set(numbered.map(\.prefix)).count == 1 else { return [] }
    return numbered.map(\.step).sorted { $0.number < $1.number }
  }

  /// The folders that are checkpoints.
  var items: [Item] {
    names.compactMap { name in
      guard folder.containsFolder(name), let inner = try? folder.folder(name),
        let format = FormatDetection.folderFormat(of: inner, options)
      else { return nil }
      return Item(name: name, folder: inner, format: format)
    }
  }

  /// The folders that are none, each as the entry that stands for it: plain values, or what no format
  /// claims.
  var otherFolders: [Placeholder] {
    let items = Set(items.map { TensorName($0.name) })
    return names.filter { folder.containsFolder($0) && !items.contains(TensorName($0)) }.map {
      if let text = OrbaxValues.text(in: folder, at: $0) {
        return Placeholder(name: TensorName($0), kind: .value, reason: text)
      }
      return Placeholder(
        name: TensorName($0), kind: .data, reason: "a folder that is no checkpoint")
    }
  }

  /// The files that are checkpoints, by their names; shards are checked through their index.
  var files: [String] {
    let indexes = names.filter(ShardIndex.isName)
    let shards = Set(
      indexes.flatMap { (try? ShardIndex(try folder.file($0)).shards) ?? [] })
    return names.filter { name in
      ShardIndex.isName(name)
        || CheckpointExtensions.isCheckpoint(name) && !shards.contains(TensorName(name))
          && !folder.containsFolder(name)
    }
  }
}
