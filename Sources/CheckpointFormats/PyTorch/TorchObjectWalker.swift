import CheckpointCore

/// Finds the tensors in a PyTorch pickle and names them by their path: dict keys, list positions
/// and, in whole pickled modules, attribute names, joined by dots.
struct TorchObjectWalker {
  enum Found {
    case tensor(TorchTensorRecord)
    case placeholder(Placeholder.Kind, reason: String)
  }

  /// A pickle of a few bytes can refer to one list so often that its paths are astronomically many.
  private static let maximumEntries = 2_000_000
  /// No checkpoint nests deeper, and walking recurses.
  private static let maximumDepth = 200

  private let tree: PickleTree
  private let data: PickleDataMap
  private(set) var found: [(name: String, item: Found)] = []
  private var active: Set<PickleTree.ID> = []

  init(_ tree: PickleTree) throws {
    self.tree = tree
    data = PickleDataMap(tree) { node in
      switch node {
      case .persistent: true
      case .object(let object): tree.global(of: object).map(Self.isArray) ?? false
      default: false
      }
    }
    if let root = tree.root { try walk(root, [], expandPlain: true) }
  }

  private static func isArray(_ global: PickleTree.Global) -> Bool {
    switch TorchGlobal(global) {
    case .none, .mapping: false
    default: true
    }
  }

  private mutating func add(_ path: [String], _ item: Found) throws {
    guard found.count < Self.maximumEntries else {
      throw CheckpointError(
        "this pickle describes more than \(Self.maximumEntries) entries",
        advice: "it is damaged or was made to exhaust memory")
    }
    found.append((path.joined(separator: "."), item))
  }

  /// - Parameter expandPlain: list the members of a container even where none holds data: done at
  ///   the root, whose keys a person wants to see.
  private mutating func walk(
    _ id: PickleTree.ID, _ path: [String], expandPlain: Bool = false
  ) throws {
    guard data.contains(id) || expandPlain else {
      return try add(path, .placeholder(.value, reason: tree.summary(id)))
    }
    guard path.count <= Self.maximumDepth else {
      throw CheckpointError(
        "this pickle nests more than \(Self.maximumDepth) levels",
        advice: "it is damaged or was made to exhaust memory")
    }
    guard active.insert(id).inserted else {
      return try add(path, .placeholder(.value, reason: "a reference back to what contains it"))
    }
    defer { active.remove(id) }
    switch tree[id] {
    case .dict: try walkPairs(id, path)
    case .list(let items), .tuple(let items), .set(let items):
      for (index, item) in tree[items].enumerated() { try walk(item, path + [String(index)]) }
    case .object(let object): try walkObject(object, id, path)
    case .persistent:
      try add(path, .placeholder(.data, reason: "a storage without a tensor around it"))
    default: try add(path, .placeholder(.value, reason: tree.summary(id)))
    }
  }

  private mutating func walkPairs(_ id: PickleTree.ID, _ path: [String]) throws {
    for (index, pair) in (tree.pairs(id) ?? []).enumerated() {
      try walk(pair.value, path + [keyText(pair.key, index)])
    }
  }

  private func keyText(_ key: PickleTree.ID, _ index: Int) -> String {
    tree.text(key) ?? tree.int(key).map(String.init) ?? "<key \(index): \(tree.summary(key))>"
  }

  private mutating func walkObject(
    _ object: PickleTree.Object, _ id: PickleTree.ID, _ path: [String]
  ) throws {
    let parts = tree[object]
    let global = tree.global(of: object)
    let arguments = tree.items(ofSequence: parts.arguments) ?? []
    switch global.flatMap({ TorchGlobal($0) }) {
    case .mapping:
      try walkPairs(id, path)
      // Attributes set on the dict, such as a state dict's `_metadata`.
      if let state = parts.state, data.contains(state) { try walk(state, path) }
    case .rebuildParameter where !arguments.isEmpty: try walk(arguments[0], path)
    case .unsupportedTensor(let what):
      try add(path, .placeholder(.data, reason: "\(what) (\(global.map { "\($0)" } ?? ""))"))
    case .some(let function): try addTensor(function, arguments, path)
    case .none: try walkUnknown(parts, global, id, path)
    }
  }

  private mutating func addTensor(
    _ function: TorchGlobal, _ arguments: [PickleTree.ID], _ path: [String]
  ) throws {
    do {
      let record = try TorchTensorDecoder(tree: tree).decode(function, arguments)
      try add(path, .tensor(record))
    } catch let unsupported as TorchTensorDecoder.Unsupported {
      try add(path, .placeholder(.data, reason: unsupported.reason))
    } catch let error as CheckpointError {
      throw error.inEntry(path.joined(separator: "."))
    }
  }

  /// A class outside the allow-list. A module's state is plain dicts of parameters, buffers and
  /// submodules, which can be read without the class; anything else is named and left alone.
  private mutating func walkUnknown(
    _ parts: PickleTree.ObjectParts, _ global: PickleTree.Global?, _ id: PickleTree.ID,
    _ path: [String]
  ) throws {
    let name = global.map { "\($0)" } ?? "an unnamed class"
    guard let state = parts.state, let attributes = tree.pairs(state),
      attributes.contains(where: { tree.text($0.key) == "_parameters" })
    else {
      let isArray = data.contains(id)
      return try add(
        path,
        .placeholder(
          isArray ? .data : .value,
          reason: "object of \(name)"
            + (isArray ? ", which is not on the allow-list, with tensors inside" : "")))
    }
    let members: Set = ["_parameters", "_buffers", "_modules"]
    for group in ["_parameters", "_buffers", "_modules"] {
      guard let entry = attributes.first(where: { tree.text($0.key) == group }) else { continue }
      for (index, pair) in (tree.pairs(entry.value) ?? []).enumerated() {
        if case .none = tree[pair.value] { continue }
        guard data.contains(pair.value) else { continue }
        try walk(pair.value, path + [keyText(pair.key, index)])
      }
    }
    for (index, pair) in attributes.enumerated() where data.contains(pair.value) {
      let key = keyText(pair.key, index)
      if !members.contains(key) { try walk(pair.value, path + [key]) }
    }
  }
}
