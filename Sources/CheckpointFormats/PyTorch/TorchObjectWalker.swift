import CheckpointCore

/// Finds the tensors in a PyTorch pickle and names them by their path: dict keys, list positions
/// and, in whole pickled modules, attribute names, joined by dots.
struct TorchObjectWalker {
  enum Found {
    case tensor(TorchTensorRecord)
    /// A NumPy array inside the pickle.
    case array(ElementLayout, ArraySlice<UInt8>)
    case placeholder(Placeholder.Kind, reason: String)
  }

  /// A pickle of a few bytes can refer to one list so often that its paths are astronomically many.
  private static let maximumEntries = 2_000_000
  /// No checkpoint nests deeper, and walking recurses.
  private static let maximumDepth = 200

  /// One long key can be referred to again and again.
  private static let maximumNameBytes = 256 << 20

  private let tree: PickleTree
  private let data: PickleDataMap
  private var nameBytes = 0
  private(set) var found: [(name: TensorName, item: Found)] = []
  private var active: Set<PickleTree.ID> = []

  /// - Parameters:
  ///   - tensors: records that persistent IDs may name by themselves, as in a tar file.
  ///   - prefix: what every name begins with.
  init(
    _ tree: PickleTree, tensors: [String: TorchTensorRecord] = [:], prefix: [String] = []
  ) throws {
    self.tree = tree
    self.tensors = tensors
    let bulk = PickleDataMap(tree) { id in
      if case .bytes(let bytes) = tree[id] { bytes.count > Self.maximumPlainBytes } else { false }
    }
    data = PickleDataMap(tree) { id in
      switch tree[id] {
      case .persistent(let inner): Self.isStorage(inner, tree, tensors)
      case .object(let object):
        tree.global(of: object).map { global in
          TorchGlobal(global) == nil ? bulk.contains(id) : Self.isArray(global)
        } ?? false
      default: false
      }
    }
    if let root = tree.root { try walk(root, prefix, expandPlain: true) }
  }

  private let tensors: [String: TorchTensorRecord]

  /// Legacy files also save the source code of classes under persistent IDs.
  private static func isStorage(
    _ id: PickleTree.ID, _ tree: PickleTree, _ tensors: [String: TorchTensorRecord]
  ) -> Bool {
    if let parts = tree.items(ofSequence: id), let kind = parts.first {
      return tree.text(kind) == "storage"
    }
    return tensors[key(id, tree)] != nil
  }

  private static func key(_ id: PickleTree.ID, _ tree: PickleTree) -> String {
    tree.text(id) ?? tree.int(id).map(String.init) ?? ""
  }

  /// A date or an enumeration pickles to a few bytes; more, in an object of an unknown class, may be
  /// an array in a form of its own.
  private static let maximumPlainBytes = 64

  private static func isArray(_ global: PickleTree.Global) -> Bool {
    TorchGlobal(global)?.makesArray ?? false
  }

  private mutating func add(_ path: [String], _ item: Found) throws {
    guard found.count < Self.maximumEntries else {
      throw CheckpointError(
        "this pickle describes more than \(Self.maximumEntries) entries",
        advice: "it is damaged or was made to exhaust memory")
    }
    let name = path.joined(separator: ".")
    nameBytes += name.utf8.count
    guard nameBytes <= Self.maximumNameBytes else {
      throw CheckpointError(
        "the names in this pickle take more than \(Self.maximumNameBytes) bytes",
        advice: "it is damaged or was made to exhaust memory")
    }
    found.append((TensorName(name), item))
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
    case .persistent(let key):
      if let record = tensors[Self.key(key, tree)] { return try add(path, .tensor(record)) }
      try add(path, .placeholder(.data, reason: "a storage without a tensor around it"))
    default: try add(path, .placeholder(.value, reason: tree.summary(id)))
    }
  }

  private mutating func walkPairs(_ id: PickleTree.ID, _ path: [String]) throws {
    for (index, pair) in (tree.pairs(id) ?? []).enumerated() {
      let name = keyText(pair.key, index)
      if data.contains(pair.key) {
        try add(path + [name], .placeholder(.data, reason: "a tensor that is the key of a dict"))
      }
      try walk(pair.value, path + [name])
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
      try walkMappingArguments(arguments, path)
      try walkPairs(id, path)
      // Attributes set on the dict, such as a state dict's `_metadata`.
      if let state = parts.state, data.contains(state) { try walk(state, path) }
    case .rebuildParameter where !arguments.isEmpty:
      try walk(arguments[0], path)
      // `_rebuild_parameter_with_state` sets attributes on the parameter.
      for extra in arguments.dropFirst() where data.contains(extra) { try walk(extra, path) }
    case .wrapper where !arguments.isEmpty: try walk(arguments[0], path)
    case .numpyArray, .numpyScalar, .numpyBuffer:
      switch NumPyPickle(tree: tree).decode(object) {
      case .success(let array): try add(path, .array(array.layout, array.bytes))
      case .failure(let problem): try add(path, .placeholder(.data, reason: problem.reason))
      }
    case .unsupportedTensor(let what):
      let parts = partShapes(arguments).joined(separator: ", ")
      try add(
        path,
        .placeholder(
          .data,
          reason: "\(what) (\(global.map { "\($0)" } ?? ""))"
            + (parts.isEmpty ? "" : " of \(parts)")))
    case .some(let function): try addTensor(function, arguments, path)
    case .none: try walkUnknown(parts, global, id, path)
    }
  }

  /// The items that a mapping's class is called with: a dict, or a list of pairs.
  private mutating func walkMappingArguments(
    _ arguments: [PickleTree.ID], _ path: [String]
  ) throws {
    for argument in arguments where data.contains(argument) {
      guard let pairs = tree.items(ofSequence: argument) else {
        try walk(argument, path)
        continue
      }
      for (index, pair) in pairs.enumerated() {
        guard let parts = tree.items(ofSequence: pair), parts.count == 2 else {
          try walk(pair, path + [String(index)])
          continue
        }
        try walk(parts[1], path + [keyText(parts[0], index)])
      }
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

  /// What an unsupported tensor is made of: the tensors among `arguments`, one level of tuples down,
  /// or its own storage and size.
  private func partShapes(_ arguments: [PickleTree.ID]) -> [String] {
    if arguments.count > 2, case .persistent(let key) = tree[arguments[0]],
      let storage = tree.items(ofSequence: key), storage.count > 1,
      case .global(let type) = tree[storage[1]],
      let shape = tree.ints(arguments[2]).flatMap({ Shape($0) })
    {
      return ["\(type.name) \(shape)"]
    }
    let inner = arguments.flatMap { tree.items(ofSequence: $0) ?? [$0] }
    return inner.compactMap { id in
      guard case .object(let object) = tree[id],
        let function = tree.global(of: object).flatMap({ TorchGlobal($0) }),
        let parts = tree.items(ofSequence: tree[object].arguments),
        let record = try? TorchTensorDecoder(tree: tree).decode(function, parts)
      else { return nil }
      return "\(record.dtype) \(record.shape)"
    }
  }

  /// A class outside the allow-list. The attributes that BUILD would set are plain data, and are
  /// read without the class: a module's parameters, buffers and submodules under their own names,
  /// everything else by attribute. An object that holds data in any other way is named and left.
  private mutating func walkUnknown(
    _ parts: PickleTree.ObjectParts, _ global: PickleTree.Global?, _ id: PickleTree.ID,
    _ path: [String]
  ) throws {
    let name = global.map { "\($0)" } ?? "an unnamed class"
    let attributes = parts.state.flatMap { attributePairs($0) }
    let isHidden = (parts.items + parts.appended + [parts.arguments]).contains(where: data.contains)
    guard let attributes, !isHidden, data.contains(id) else {
      let holdsData = data.contains(id)
      return try add(
        path,
        .placeholder(
          holdsData ? .data : .value,
          reason: "object of \(name)"
            + (holdsData ? ", which is not on the allow-list, with tensors or bytes inside" : "")))
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

  /// The attributes in a state: a dict, or the (dict, slots) pair of a class with slots.
  private func attributePairs(_ state: PickleTree.ID) -> [(
    key: PickleTree.ID, value: PickleTree.ID
  )]? {
    if let pairs = tree.pairs(state) { return pairs }
    guard case .tuple(let items) = tree[state] else { return nil }
    let parts = tree[items].compactMap { tree.pairs($0) }
    return parts.isEmpty ? nil : parts.flatMap { $0 }
  }
}
