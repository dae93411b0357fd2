import Bytes
import CheckpointCore

/// A tree of arrays that Orbax saved: a folder with
///
///     _METADATA         the tree (`OrbaxTree`); older folders have it in `checkpoint`
///                       (`OrbaxAggregate`)
///     manifest.ocdbt    the arrays, in a database (`OCDBTDatabase`) whose data files lie in d/ and
///                       ocdbt.process_N/d/; or, without one, a folder for each array
///     _strings.json     the leaves that are strings
///     _CHECKPOINT_METADATA   what the program said of it (`OrbaxCustomMetadata`)
///     _sharding, array_metadatas/, commit_success.txt: how devices held the arrays
///
/// Each array is a zarr array of version 2 or 3, named by the keys of its leaf, joined with dots. Where
/// there is no tree, the arrays have the names under which they are stored.
/// Source: orbax/checkpoint/_src/handlers/base_pytree_checkpoint_handler.py.
struct OrbaxReader: StoredCheckpointReader {
  let format = FormatName.orbax
  let formatDescription: String
  let contents: StoredTensors

  private static let stringsName = "_strings.json"

  init(_ folder: CheckpointFolder) throws {
    let store = try OrbaxStore(folder)
    let document = try OrbaxDocument.read(OrbaxTree.fileName, in: folder)
    let tree = try document.map { document in
      do {
        return try OrbaxTree(metadata: document)
      } catch let error as CheckpointError {
        throw error.inFile(folder.path(of: OrbaxTree.fileName))
      }
    }
    let arrays = OrbaxArrays(store.values, isComplete: tree?.isComplete ?? false)
    var contents = StoredTensors()
    if let tree {
      let strings = try OrbaxDocument.read(Self.stringsName, in: folder)
      for leaf in tree.leaves { try Self.add(leaf, arrays, strings, to: &contents) }
    } else if folder.isPresent(OrbaxAggregate.fileName) {
      contents = try OrbaxAggregate.read(try folder.file(OrbaxAggregate.fileName), arrays)
    }
    try arrays.addRest(to: &contents)
    let said = OrbaxCustomMetadata.values(in: document)
    for item in try said + OrbaxCustomMetadata.values(of: folder) {
      try contents.addPlaceholder(item.name, item.kind, item.reason, value: item.value)
    }
    self.contents = contents
    formatDescription = "Orbax, \(store.description)"
  }

  private static func add(
    _ leaf: OrbaxTree.Leaf, _ arrays: OrbaxArrays, _ strings: JSONValue?,
    to contents: inout StoredTensors
  ) throws {
    switch leaf.kind {
    case .array: try arrays.add(leaf.name, at: leaf.storeName, to: &contents)
    case .empty(let type): try contents.addPlaceholder(leaf.name, .value, emptyText(type))
    case .string:
      guard case .string(let text)? = strings?[leaf.storeName] else {
        throw CheckpointError(
          entry: leaf.name, "the tree has it as a string, but \(stringsName) does not hold it",
          advice: "the checkpoint is incomplete; fetch the whole folder, or save it again")
      }
      try contents.addValue(leaf.name, .string(text), isMetadata: false)
    case .other(let type):
      try contents.addPlaceholder(
        leaf.name, .data, "a value of type \(type), which only the program that saved it can read")
    }
  }

  private static func emptyText(_ type: String) -> String {
    type == "None" ? "None" : "an empty \(type.lowercased())"
  }

  /// Whether the names in a folder are those of a tree of arrays: of Orbax, of T5X, of zarr itself.
  static func matches(_ folder: CheckpointFolder) -> Bool {
    let own = [
      OrbaxTree.fileName, OCDBTDatabase.manifestName, ".zgroup", ZarrV2Metadata.name,
      ZarrV3Metadata.name,
    ]
    if own.contains(where: folder.isPresent) { return true }
    guard let names = try? folder.names() else { return false }
    if names.contains(OrbaxAggregate.fileName),
      let file = try? folder.file(OrbaxAggregate.fileName),
      let prefix = try? file.readPrefix(64), FlaxReader.matches(prefix)
    {
      return true
    }
    return names.contains { name in
      OrbaxStore.isProcess(name) || folder.isPresent("\(name)/\(ZarrV2Metadata.name)")
        || folder.isPresent("\(name)/\(ZarrV3Metadata.name)")
    }
  }
}
