import Bytes
import CheckpointCore

/// The newest version of an OCDBT database: a folder with `manifest.ocdbt`, from which nodes in data
/// files lead to all keys and values.
///
/// Everything refers by path and offset. A path that would lead out of the folder, a reference beyond
/// its file, and a child that is not one level below its parent are errors, so that no walk can go
/// round in circles; what all nodes may amount to is limited, so that none can be led down one branch
/// again and again.
struct OCDBTDatabase {
  static let manifestName = "manifest.ocdbt"

  /// Nodes that are read: a few dozen hold a million keys, unless a writer was told to make them small.
  private static let maximumNodes = 100_000
  /// Bytes of nodes, decompressed, that are read in all: 500 for each of the keys that may be.
  private static let maximumNodeBytes = 2 << 30

  /// From the store's folder, with a slash at its end; empty for that folder itself.
  private let prefix: String
  private var files: StoreFiles
  /// Number and size of each data file, by its path.
  private var known: [String: (number: Int, size: Int)] = [:]
  private var entries: [(key: [UInt8], place: KeyValueStore.Place)] = []
  private var keyBytes = 0
  private var nodeBytes = 0
  private var nodeCount = 0

  /// Every key of the database in the folder of `files`, or in one within it, with the place of its
  /// value.
  ///
  /// - Parameter files: takes the names of the data files.
  static func entries(
    in folder: String = "", _ files: inout StoreFiles
  ) throws -> [(key: [UInt8], place: KeyValueStore.Place)] {
    var database = OCDBTDatabase(prefix: folder.isEmpty ? "" : folder + "/", files: files)
    let root = try database.root()
    if let node = root.node { try database.visit(node, height: root.height, prefix: []) }
    files = database.files
    return database.entries
  }

  private init(prefix: String, files: StoreFiles) {
    self.prefix = prefix
    self.files = files
  }

  private func root() throws -> OCDBTManifest.Root {
    if let root = try manifest(Self.manifestName).root { return root }
    // `manifest.` and the generation in 16 hexadecimal digits: the greatest name is the newest.
    let numbered = try files.folder.items(String(prefix.dropLast())).map(\.name).filter {
      $0.wholeMatch(of: /manifest\.[0-9a-f]{16}/) != nil
    }
    guard let newest = numbered.max() else {
      throw CheckpointError(
        entry: prefix + Self.manifestName,
        "it says that numbered manifests hold the versions; there is none",
        advice: "fetch the whole folder again")
    }
    guard let root = try manifest(newest).root else {
      throw CheckpointError(entry: prefix + newest, "a numbered manifest without versions")
    }
    return root
  }

  private func manifest(_ name: String) throws -> OCDBTManifest {
    do {
      return try OCDBTManifest(try readManifest(name))
    } catch let error as CheckpointError {
      throw error.inEntry(prefix + name)
    }
  }

  private func readManifest(_ name: String) throws -> [UInt8] {
    let file = try files.folder.file(prefix + name)
    guard file.size <= StructureLimits.nameBytes else {
      throw CheckpointError(file: file.path, "\(file.size) bytes are too many for a manifest")
    }
    do {
      return try file.readPrefix(file.size)
    } catch {
      throw CheckpointError(error)
    }
  }

  private mutating func visit(_ reference: OCDBTReference, height: Int, prefix: [UInt8]) throws {
    guard height <= StructureLimits.depth else {
      throw CheckpointError("a tree of \(height) levels, which no database has")
    }
    let (file, offset) = try locate(reference)
    nodeCount += 1
    guard nodeCount <= Self.maximumNodes else {
      throw CheckpointError.beyondLimit("tree nodes", limit: Self.maximumNodes)
    }
    let bytes = try files.source(file, offset: offset, size: reference.length)
    let node: OCDBTNode
    do {
      node = try OCDBTNode(try bytes.read(0..<bytes.size), base: reference.file.base)
    } catch let error as CheckpointError {
      throw error.inEntry("\(reference.file.path), byte \(offset)")
    }
    nodeBytes += node.size
    guard nodeBytes <= Self.maximumNodeBytes else {
      throw CheckpointError.beyondLimit("bytes of tree nodes", limit: Self.maximumNodeBytes)
    }
    guard node.height == height else {
      throw CheckpointError(
        entry: "\(reference.file.path), byte \(offset)",
        "a tree node of height \(node.height), \(height) expected",
        advice: "the file is damaged; fetch or save it again")
    }
    switch node.entries {
    case .leaf(let values):
      for (key, value) in values { try add(prefix + key, value) }
    case .inner(let children):
      for child in children {
        try visit(child.node, height: height - 1, prefix: prefix + child.prefix)
      }
    }
  }

  private mutating func add(_ key: [UInt8], _ value: OCDBTNode.Value) throws {
    keyBytes += key.count
    guard entries.count < StructureLimits.chunks + StructureLimits.entries else {
      throw CheckpointError.beyondLimit("keys", limit: entries.count)
    }
    guard keyBytes <= 2 * StructureLimits.nameBytes else {
      throw CheckpointError.beyondLimit("bytes of keys", limit: 2 * StructureLimits.nameBytes)
    }
    switch value {
    case .inline(let bytes): entries.append((key, .inline(bytes)))
    case .file(let reference):
      let (file, offset) = try locate(reference)
      entries.append((key, .file(file, offset: offset, size: reference.length)))
    }
  }

  /// The number of the file that is referred to, with the reference held against its size.
  private mutating func locate(
    _ reference: OCDBTReference
  ) throws -> (file: Int, offset: Int) {
    let path = reference.file.path
    let file = try known[path] ?? open(path)
    known[path] = file
    guard let end = reference.offset.addingChecked(reference.length), end <= file.size else {
      throw CheckpointError(
        entry: path,
        "\(reference.length) bytes at \(reference.offset) are referred to, the file has "
          + "\(file.size)",
        advice: "the file is truncated; fetch or save it again")
    }
    return (file.number, reference.offset)
  }

  private mutating func open(_ path: String) throws -> (number: Int, size: Int) {
    let number = files.add(prefix + path)
    return (number, try files.open(number).size)
  }
}
