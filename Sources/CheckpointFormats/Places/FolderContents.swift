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
        !OrbaxUnfinished.isName(name),
        folder.containsFolder(name) || match.1 == "checkpoint_" && folder.contains(name)
      else { return nil }
      return (match.1, Step(number: number, name: name))
    }
    guard Set(numbered.map(\.prefix)).count == 1 else { return [] }
    return numbered.map(\.step).sorted { $0.number < $1.number }
  }

  /// The folders that are checkpoints, and those that are none, each as the entry that stands for it:
  /// plain values, or what no format claims.
  var folders: (items: [Item], others: [Placeholder]) {
    Self.folders(of: folder, names, options, prefix: "")
  }

  /// - Parameter prefix: of the names; empty at the top.
  private static func folders(
    of folder: CheckpointFolder, _ names: [String], _ options: ReadOptions, prefix: String
  ) -> (items: [Item], others: [Placeholder]) {
    var items: [Item] = []
    var others: [Placeholder] = []
    for name in names where folder.containsFolder(name) {
      guard let inner = try? folder.folder(name) else { continue }
      let path = prefix + name
      if OrbaxUnfinished.isName(name) {
        others.append(
          Placeholder(name: TensorName(path), kind: .data, reason: OrbaxUnfinished.reason))
      } else if let format = FormatDetection.folderFormat(of: inner, options) {
        items.append(Item(name: path, folder: inner, format: format))
      } else if let text = OrbaxValues.text(in: inner) {
        others.append(Placeholder(name: TensorName(path), kind: .value, reason: text))
      } else if prefix.isEmpty, let state = randomState(in: inner, options, path) {
        items += state.items
        others += state.others
      } else {
        others.append(
          Placeholder(
            name: TensorName(path), kind: .data, reason: "a folder that is no checkpoint"))
      }
    }
    return (items, others)
  }

  /// The state of a random number generator is an item in an item, beside one of values.
  private static func randomState(
    in folder: CheckpointFolder, _ options: ReadOptions, _ name: String
  ) -> (items: [Item], others: [Placeholder])? {
    guard let names = try? folder.names() else { return nil }
    let found = folders(of: folder, names, options, prefix: name + "/")
    guard found.items.count == 1, found.others.count == 1, found.others[0].kind == .value else {
      return nil
    }
    return found
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
