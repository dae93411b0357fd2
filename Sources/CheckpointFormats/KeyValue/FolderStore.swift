import Bytes
import CheckpointCore

/// A folder of plain files as a store: keys are paths, values are whole files.
enum FolderStore {
  /// Every file of the folder of `files`, which takes their names.
  static func entries(
    _ files: inout StoreFiles
  ) throws -> [(key: [UInt8], place: KeyValueStore.Place)] {
    var entries: [(key: [UInt8], place: KeyValueStore.Place)] = []
    var nameBytes = 0
    var pending = [(path: "", depth: 0)]
    while let (path, depth) = pending.popLast() {
      guard depth <= StructureLimits.depth else {
        throw CheckpointError(
          entry: path, "folders are nested more than \(StructureLimits.depth) levels deep")
      }
      for item in try files.folder.items(path) {
        let key = path.isEmpty ? item.name : "\(path)/\(item.name)"
        nameBytes += key.utf8.count
        guard entries.count < StructureLimits.chunks, nameBytes <= StructureLimits.nameBytes else {
          throw CheckpointError.beyondLimit("files", limit: entries.count)
        }
        if item.kind == .folder {
          pending.append((key, depth + 1))
        } else if let size = try size(of: item, at: key, files.folder) {
          entries.append((Array(key.utf8), .file(files.add(key), offset: 0, size: size)))
        }
      }
    }
    return entries
  }

  /// `nil` for what is no file.
  private static func size(
    of item: Folder.Item, at path: String, _ folder: CheckpointFolder
  ) throws -> Int? {
    switch item.kind {
    case .file(let size): return size
    // Within the folder, as every path is; and to a file, so that no link leads round in circles.
    case .link: return try folder.file(path).size
    case .folder, .other: return nil
    }
  }
}
