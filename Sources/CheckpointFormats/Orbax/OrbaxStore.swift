import CheckpointCore

/// Where the arrays of an Orbax folder are: in a database, in one for each process that was never
/// joined, or in folders of their own.
struct OrbaxStore {
  let values: KeyValueStore
  /// For the name of the format.
  let description: String

  init(_ folder: CheckpointFolder) throws {
    var files = StoreFiles(folder)
    if folder.isPresent(OCDBTDatabase.manifestName) {
      let entries = try OCDBTDatabase.entries(&files)
      (values, description) = (KeyValueStore(entries, files: files), "OCDBT")
      return
    }
    let processes = try folder.names().filter { Self.isProcess($0) && folder.containsFolder($0) }
    guard !processes.isEmpty else {
      let entries = try FolderStore.entries(&files)
      (values, description) = (KeyValueStore(entries, files: files), "zarr folders")
      return
    }
    // Every process wrote the metadata of the arrays it has a part of: the same, so one is enough.
    var joined: [[UInt8]: KeyValueStore.Place] = [:]
    for process in processes {
      for (key, place) in try OCDBTDatabase.entries(in: process, &files) {
        joined[key] = place
      }
    }
    values = KeyValueStore(joined.map { ($0.key, $0.value) }, files: files)
    description = "OCDBT, its processes not joined"
  }

  static func isProcess(_ name: String) -> Bool { name.hasPrefix("ocdbt.process_") }
}
