import Bytes
import CheckpointCore

/// What a path stands for: a file, the files behind an index, or a folder.
struct CheckpointPlace {
  /// The path of what was taken.
  let path: String
  fileprivate(set) var reader: any CheckpointReader
  /// The subtree that is still to be looked for in it.
  let key: TensorName?
  /// What was taken among what else there was.
  var notes: [String] = []

  /// - Throws: `CheckpointError`, naming the file.
  static func find(
    _ path: String, _ options: ReadOptions, key: TensorName?
  ) throws -> CheckpointPlace {
    if Folder.exists(path) {
      let folder = try naming(path) { try CheckpointFolder(path: path) }
      try OrbaxUnfinished.refuse(folder.path)
      return try PlaceSearch(options, key).find(in: folder)
    }
    guard options.step == nil else { throw PlaceSearch.noSteps(path) }
    return CheckpointPlace(
      path: path,
      reader: try naming(path) {
        try FormatDetection.open(
          try RandomAccessFile(path: path), in: try CheckpointFolder(of: path), options: options)
      }, key: key)
  }

  /// The checkpoints that `path` stands for where each is looked at by itself: those among the files
  /// of a folder that is none itself, the set that a shard is of, or the one place.
  static func each(in path: String, _ options: ReadOptions) throws -> [String] {
    guard Folder.exists(path) else { return [index(ofShard: path) ?? path] }
    let folder = try naming(path) { try CheckpointFolder(path: path) }
    guard options.step == nil, FormatDetection.folderFormat(of: folder, options) == nil else {
      return [path]
    }
    let files = try FolderContents(folder, options).files
    return files.isEmpty ? [path] : files.map { folder.path(of: $0) }
  }

  /// Every checkpoint at and below `path`, in the order of their names: of a folder that is none
  /// itself, those among its files, then those of its folders. Links to folders are not followed.
  static func below(_ path: String) throws -> [String] {
    guard Folder.exists(path) else { return [path] }
    let options = ReadOptions()
    return try below(try naming(path) { try CheckpointFolder(path: path) }, options, depth: 0)
  }

  /// Deeper than any tree that people keep.
  private static let maximumDepth = 64

  private static func below(
    _ folder: CheckpointFolder, _ options: ReadOptions, depth: Int
  ) throws -> [String] {
    guard FormatDetection.folderFormat(of: folder, options) == nil else { return [folder.path] }
    let files = try FolderContents(folder, options).files
    let names = try folder.names().filter { name in
      folder.containsFolder(name) && !OrbaxUnfinished.isName(name)
        && (try? Folder.isLink(folder.path(of: name))) == false
    }
    guard depth < maximumDepth || names.isEmpty else {
      throw CheckpointError(file: folder.path, "folders are nested more than \(maximumDepth) deep")
    }
    return try files.map { folder.path(of: $0) }
      + names.flatMap { name in
        try naming(folder.path(of: name)) {
          try below(try folder.folder(name), options, depth: depth + 1)
        }
      }
  }

  /// The files that the checkpoint at `path` consists of, as far as names tell.
  static func files(at path: String) throws -> [String] {
    guard Folder.exists(path) else {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      guard ShardIndex.isName(name), let file = try? RandomAccessFile(path: path),
        let index = try? ShardIndex(file), let folder = try? CheckpointFolder(of: path)
      else { return [path] }
      return [path] + index.shards.map { folder.path(of: $0.text) }
    }
    return try naming(path) { try Folder.files(below: path).map { "\(path)/\($0)" } }
  }

  /// The index beside the file `path` that has it as one of its shards.
  private static func index(ofShard path: String) -> String? {
    let name = TensorName(String(path.split(separator: "/").last ?? ""))
    guard let folder = try? CheckpointFolder(of: path), let names = try? folder.names() else {
      return nil
    }
    return names.first { index in
      ShardIndex.isName(index)
        && (try? ShardIndex(try folder.file(index)).shards.contains(name)) ?? false
    }.map(folder.path)
  }

  /// Runs `body`, whose errors are about `path` where they name no other file.
  fileprivate static func naming<R>(_ path: String, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    } catch let error as CheckpointError {
      throw error.inFile(path)
    }
  }
}

/// Looks for the checkpoint in a folder, which is, in this order: a checkpoint of a format that
/// consists of folders; the model of a Hugging Face repository, or the only shard set there is; a
/// manager's folder of steps, of which the newest is taken; the items of one step, together; or the
/// place of one file.
private struct PlaceSearch {
  /// Without a step, which is looked for first.
  private let options: ReadOptions
  private let step: Int?
  private let key: TensorName?

  init(_ options: ReadOptions, _ key: TensorName?) {
    step = options.step
    self.key = key
    self.options = ReadOptions(format: options.format, rawTypes: options.rawTypes)
  }

  func find(in folder: CheckpointFolder) throws -> CheckpointPlace {
    guard let step else { return try find(in: folder, isStep: false) }
    let steps = try FolderContents(folder, options).steps
    guard !steps.isEmpty else { throw Self.noSteps(folder.path) }
    guard let wanted = steps.last(where: { $0.number == step }) else {
      throw CheckpointError(
        file: folder.path, "there is no step \(step) in this folder",
        advice: "its steps: \(Self.listed(steps.map(\.number)))")
    }
    return try take(wanted.name, of: folder)
  }

  private func find(in folder: CheckpointFolder, isStep: Bool) throws -> CheckpointPlace {
    if let format = FormatDetection.folderFormat(of: folder, options) {
      return try open(folder, format, key)
    }
    let contents = try FolderContents(folder, options)
    let files = contents.files
    if let model = contents.model {
      return try take(model, of: folder, beside: files.filter { $0 != model })
    }
    if !isStep, let newest = contents.steps.last {
      return try take(newest, of: folder, contents.steps)
    }
    let folders = contents.folders
    if !folders.items.isEmpty {
      return try take(folders.items, of: folder, otherFolders: folders.others, beside: files)
    }
    if files.count == 1 { return try take(files[0], of: folder, beside: []) }
    guard !files.isEmpty else {
      let names = try folder.names()
      if let foreign = ForeignFormat.refusal(ofFolderWith: names) {
        throw foreign.inFile(folder.path)
      }
      if let unfinished = names.first(where: OrbaxUnfinished.isName) {
        try OrbaxUnfinished.refuse(folder.path(of: unfinished))
      }
      throw CheckpointError(
        file: folder.path, "this folder holds no checkpoint",
        advice: "name the file or the folder that is one")
    }
    throw CheckpointError(
      file: folder.path, "this folder holds \(files.count) checkpoints: \(Self.listed(files))",
      advice: "name one of them")
  }

  private func open(
    _ folder: CheckpointFolder, _ format: FolderFormat, _ key: TensorName?
  ) throws -> CheckpointPlace {
    let reader = try CheckpointPlace.naming(folder.path) { try format.open(folder, options) }
    return CheckpointPlace(path: folder.path, reader: reader, key: key)
  }

  /// The file or the folder `name`, within which there are no more steps.
  private func take(_ name: String, of folder: CheckpointFolder) throws -> CheckpointPlace {
    if folder.containsFolder(name) {
      return try find(in: try folder.folder(name), isStep: true)
    }
    let path = folder.path(of: name)
    let reader = try CheckpointPlace.naming(path) {
      try FormatDetection.open(try folder.file(name), in: folder, options: options)
    }
    return CheckpointPlace(path: path, reader: reader, key: key)
  }

  private func take(
    _ file: String, of folder: CheckpointFolder, beside others: [String]
  ) throws -> CheckpointPlace {
    var place = try take(file, of: folder)
    place.notes = ["\(folder.path): took \(file)\(Self.beside(others))"]
    return place
  }

  private func take(
    _ newest: FolderContents.Step, of folder: CheckpointFolder, _ steps: [FolderContents.Step]
  ) throws -> CheckpointPlace {
    let numbers = Self.listed(steps.map(\.number))
    do {
      var place = try take(newest.name, of: folder)
      let choice = steps.count > 1 ? ", the newest of \(numbers); choose with --step" : ""
      place.notes.insert("\(folder.path): took step \(newest.number)\(choice)", at: 0)
      return place
    } catch let error as CheckpointError where steps.count > 1 {
      // No older step stands in for one that cannot be read.
      throw CheckpointError(
        kind: error.kind, file: error.file, entry: error.entry, error.message,
        advice: (error.advice.map { "\($0); " } ?? "")
          + "this is the newest step of \(numbers): choose another with --step")
    }
  }

  /// The item that the key names or the only one there is, or all of them together.
  private func take(
    _ items: [FolderContents.Item], of folder: CheckpointFolder, otherFolders: [Placeholder],
    beside files: [String]
  ) throws -> CheckpointPlace {
    let said = try OrbaxCustomMetadata.values(of: folder)
    let named = items.first { key?.relative(to: TensorName($0.name)) != nil }
    // Plain values beside the one item, such as metrics, are no choice.
    let isOnly = items.count == 1 && otherFolders.allSatisfy { $0.kind == .value }
    if let item = named ?? (isOnly ? items[0] : nil) {
      let rest = key.map { $0.relative(to: TensorName(item.name)) ?? $0 }
      var place = try open(item.folder, item.format, rest == "" ? nil : rest)
      place.reader = said.isEmpty ? place.reader : CommentedReader(place.reader, said)
      if named == nil, !otherFolders.isEmpty {
        let others = Self.beside(otherFolders.map(\.name.text))
        place.notes = ["\(folder.path): took \(item.name)\(others)"]
      }
      return place
    }
    let readers = try items.map { ($0.name, try open($0.folder, $0.format, nil).reader) }
    return CheckpointPlace(
      path: folder.path, reader: try ItemsReader(readers, others: otherFolders + said), key: key,
      notes: [
        "\(folder.path): holds the items \(Self.listed(items.map(\.name))); choose one with --key"
          + Self.beside(files)
      ])
  }

  static func noSteps(_ path: String) -> CheckpointError {
    CheckpointError(
      file: path, "there are no steps here to choose from", advice: "leave out --step")
  }

  private static func beside(_ others: [String]) -> String {
    others.isEmpty ? "" : "; beside it: \(listed(others))"
  }

  /// The last few of `items`, which are the newest.
  private static func listed<Item>(_ items: [Item]) -> String {
    let shown = items.suffix(8).map { "\($0)" }.joined(separator: ", ")
    return items.count > 8 ? "… \(shown)" : shown
  }
}
