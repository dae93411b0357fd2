import CheckpointCore

/// Finds the tensors in a PyTorch pickle and names them by their path: dict keys, list positions
/// and, in whole pickled modules, attribute names, joined by dots.
///
/// Every node that is entered gives at least one entry, so the work is bounded by the number of
/// entries; and in the end every tensor that the pickle's root leads to has been listed, or lies
/// within something that was listed as data.
struct TorchObjectWalker {
  enum Found {
    case tensor(TorchTensorRecord)
    /// A NumPy array inside the pickle.
    case array(ElementLayout, ArraySlice<UInt8>)
    case placeholder(Placeholder.Kind, reason: String, value: PlainValue? = nil)
  }

  private let tree: PickleTree
  private let data: TorchDataMap
  private let tensors: [TensorName: TorchTensorRecord]
  private let separator: String
  private let emit: (_ name: TensorName, Found) throws -> Void
  /// Entries so far.
  private var count = 0
  private var depth = 0
  private var active: Set<PickleTree.ID> = []
  private var values: PickleValues
  private var listed: PickleReach

  /// Walks `tree` and hands over each entry as it is found.
  ///
  /// - Parameters:
  ///   - tensors: records that persistent IDs may name by themselves, as in a tar file.
  ///   - prefix: what every name begins with.
  ///   - separator: what joins the parts of a name.
  static func walk(
    _ tree: PickleTree, tensors: [TensorName: TorchTensorRecord] = [:], prefix: [String] = [],
    separator: String = ".", _ emit: (_ name: TensorName, Found) throws -> Void
  ) throws {
    try withoutActuallyEscaping(emit) { emit in
      var walker = TorchObjectWalker(
        tree: tree, data: TorchDataMap(tree, tensors), tensors: tensors, separator: separator,
        emit: emit, listed: PickleReach(tree))
      guard let root = tree.root else { return }
      try walker.walk(root, prefix, expandPlain: true)
      try walker.listUnreached(root, prefix)
    }
  }

  private init(
    tree: PickleTree, data: TorchDataMap, tensors: [TensorName: TorchTensorRecord],
    separator: String, emit: @escaping (_ name: TensorName, Found) throws -> Void,
    listed: PickleReach
  ) {
    (self.tree, self.data, self.tensors, self.emit, self.listed) =
      (tree, data, tensors, emit, listed)
    self.separator = separator
    values = PickleValues(tree)
  }

  /// - Parameter id: the node that the entry stands for.
  private mutating func add(_ path: [String], _ id: PickleTree.ID, _ item: Found) throws {
    count += 1
    guard count <= StructureLimits.entries(ofValues: tree.nodeCount) else {
      throw CheckpointError(
        "the \(tree.nodeCount) values of this pickle are listed again and again, under more than "
          + "\(count - 1) names",
        advice: "it is damaged or was made to exhaust memory")
    }
    switch item {
    case .placeholder(.value, _, _): break
    default: listed.add(id, tree)
    }
    try emit(TensorName(path.joined(separator: separator)), item)
  }

  private mutating func addValue(_ path: [String], _ id: PickleTree.ID) throws {
    let value = values.json(id).map { PlainValue($0, isMetadata: false) }
    try add(path, id, .placeholder(.value, reason: tree.summary(id), value: value))
  }

  /// - Parameter expandPlain: list the members of a container even where none holds data: done at
  ///   the root, whose keys a person wants to see.
  private mutating func walk(
    _ id: PickleTree.ID, _ path: [String], expandPlain: Bool = false
  ) throws {
    guard data.contains(id) || expandPlain else {
      return try addValue(path, id)
    }
    depth += 1
    defer { depth -= 1 }
    guard depth - 1 <= StructureLimits.depth else {
      throw CheckpointError(
        "this pickle nests more than \(StructureLimits.depth) levels",
        advice: "it is damaged or was made to exhaust memory")
    }
    guard active.insert(id).inserted else {
      return try add(path, id, .placeholder(.value, reason: "a reference back to what contains it"))
    }
    defer { active.remove(id) }
    let before = count
    switch tree[id] {
    case .dict: try walkPairs(id, path)
    case .list(let items), .tuple(let items), .set(let items):
      for (index, item) in tree[items].enumerated() { try walk(item, path + [String(index)]) }
    case .object(let object): try walkObject(object, id, path)
    case .persistent(let key):
      if let record = tensors[tree.storageKey(key)] { return try add(path, id, .tensor(record)) }
      try add(path, id, .placeholder(.data, reason: "a storage without a tensor around it"))
    default: try addValue(path, id)
    }
    if count == before, data.contains(id) {
      try add(path, id, .placeholder(.data, reason: "\(tree.summary(id)) with tensors inside"))
    }
  }

  private mutating func walkPairs(_ id: PickleTree.ID, _ path: [String]) throws {
    for (index, pair) in (tree.pairs(id) ?? []).enumerated() {
      let name = keyText(pair.key, index)
      if data.contains(pair.key) {
        try add(
          path + [name], pair.key,
          .placeholder(.data, reason: "a tensor that is the key of a dict"))
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
      try walkPairs(id, path)
      // Attributes set on the dict, such as a state dict's `_metadata`.
      if let state = parts.state, data.contains(state) { try walk(state, path) }
    case .rebuildParameter where !arguments.isEmpty:
      try walk(arguments[0], path)
      // `_rebuild_parameter_with_state` sets attributes on the parameter.
      for extra in arguments.dropFirst() where data.contains(extra) { try walk(extra, path) }
    case .wrapper where !arguments.isEmpty: try walk(arguments[0], path)
    case .paddleTensor where arguments.count == 1:
      let parts = tree.items(ofSequence: arguments[0]) ?? []
      guard parts.count == 2, tree.text(parts[0]) != nil else {
        return try walk(arguments[0], path)
      }
      try walk(parts[1], path)
    case .storageBytes:
      try add(path, id, .placeholder(.data, reason: "a storage without a tensor around it"))
    case .numpyArray, .numpyScalar, .numpyBuffer:
      if let objects = NumPyPickle(tree: tree).objects(object) {
        return try walkObjects(objects, id, path)
      }
      switch NumPyPickle(tree: tree).decode(object) {
      case .success(let array): try add(path, id, .array(array.layout, array.bytes))
      case .failure(let problem):
        try add(path, id, .placeholder(.data, reason: problem.reason))
      }
    case .unsupportedTensor(let what):
      let parts = partShapes(arguments).joined(separator: ", ")
      try add(
        path, id,
        .placeholder(
          .data,
          reason: "\(what) (\(global.map { "\($0)" } ?? ""))"
            + (parts.isEmpty ? "" : " of \(parts)")))
    case .some(let function): try addTensor(function, arguments, id, path)
    case .none: try walkUnknown(parts, global, id, path)
    }
  }

  /// The elements of an object array, by their indices; that of an array without extents is the array.
  private mutating func walkObjects(
    _ objects: NumPyPickle.Objects, _ id: PickleTree.ID, _ path: [String]
  ) throws {
    guard data.contains(id) else {
      let reason = "an object array \(objects.shape) of plain values"
      return try add(path, id, .placeholder(.value, reason: reason))
    }
    for (number, element) in objects.elements.enumerated() {
      try walk(element, path + objects.index(of: number).map(String.init))
    }
  }

  private mutating func addTensor(
    _ function: TorchGlobal, _ arguments: [PickleTree.ID], _ id: PickleTree.ID, _ path: [String]
  ) throws {
    do {
      let record = try TorchTensorDecoder(tree: tree).decode(function, arguments)
      try add(path, id, .tensor(record))
    } catch let unsupported as TorchTensorDecoder.Unsupported {
      try add(path, id, .placeholder(.data, reason: unsupported.reason))
    } catch let error as CheckpointError {
      throw error.inEntry(path.joined(separator: separator))
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
    let isHidden = (parts.items + parts.appended + [parts.arguments, parts.callable])
      .contains(where: data.contains)
    guard let attributes, !isHidden, data.contains(id) else {
      let holdsData = data.contains(id)
      return try add(
        path, id,
        .placeholder(
          holdsData ? .data : .value,
          reason: "object of \(name)"
            + (holdsData ? ", which is not on the allow-list, with tensors or bytes inside" : "")))
    }
    var members: Set<String> = []
    for group in ["_parameters", "_buffers", "_modules"] {
      guard let entry = attributes.last(where: { tree.text($0.key) == group }),
        let pairs = tree.pairs(entry.value)
      else { continue }
      members.insert(group)
      for (index, pair) in pairs.enumerated() where data.contains(pair.value) {
        try walk(pair.value, path + [keyText(pair.key, index)])
      }
    }
    for (index, pair) in attributes.enumerated() {
      let key = keyText(pair.key, index)
      if members.contains(key) { continue }
      if data.contains(pair.value) {
        try walk(pair.value, path + [key])
      } else if data.holdsBulk(pair.value) {
        try add(
          path + [key], pair.value,
          .placeholder(.data, reason: "\(tree.summary(pair.value)) in an object of \(name)"))
      }
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

  /// Tensors in a place that has no name: an argument of a class that takes something else.
  private mutating func listUnreached(_ root: PickleTree.ID, _ prefix: [String]) throws {
    var reached = PickleReach(tree)
    reached.add(root, tree)
    // A tensor stands behind its storage and covers it.
    for id in tree.allIDs.reversed()
    where data.isArray(id) && reached.contains(id) && !listed.contains(id) {
      try add(
        prefix + ["<\(tree.summary(id)) \(id.index)>"], id,
        .placeholder(.data, reason: "it stands where no name leads to it"))
    }
  }
}
