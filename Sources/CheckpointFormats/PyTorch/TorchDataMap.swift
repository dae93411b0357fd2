import CheckpointCore

/// Which nodes of a PyTorch pickle are array data, and which hold some.
struct TorchDataMap {
  private let tree: PickleTree
  private let tensors: [TensorName: TorchTensorRecord]
  private let bulk: PickleDataMap
  private let holding: PickleDataMap

  /// A date or an enumeration pickles to a few bytes; more, in an object of an unknown class, may be
  /// an array in a form of its own.
  private static let maximumPlainBytes = 64

  init(_ tree: PickleTree, _ tensors: [TensorName: TorchTensorRecord]) {
    (self.tree, self.tensors) = (tree, tensors)
    let parents = PickleParents(tree)
    let bulk = PickleDataMap(tree, parents) { id in
      if case .bytes(let bytes) = tree[id] { bytes.count > Self.maximumPlainBytes } else { false }
    }
    self.bulk = bulk
    holding = PickleDataMap(tree, parents) { Self.isArray($0, tree, tensors, bulk) }
  }

  /// Whether `id` is array data or holds some.
  func contains(_ id: PickleTree.ID) -> Bool { holding.contains(id) }

  /// Whether more bytes than a plain value has are in `id`.
  func holdsBulk(_ id: PickleTree.ID) -> Bool { bulk.contains(id) }

  /// Whether `id` is a storage or makes an array by itself, rather than of another one.
  func isArray(_ id: PickleTree.ID) -> Bool {
    if case .object(let object) = tree[id],
      case .rebuildParameter? = tree.global(of: object).flatMap({ TorchGlobal($0) })
    {
      return false
    }
    return Self.isArray(id, tree, tensors, nil)
  }

  /// - Parameter bulk: makes an object of an unknown class that holds bulk an array too.
  private static func isArray(
    _ id: PickleTree.ID, _ tree: PickleTree, _ tensors: [TensorName: TorchTensorRecord],
    _ bulk: PickleDataMap?
  ) -> Bool {
    switch tree[id] {
    case .persistent(let inner):
      // Legacy files also save the source code of classes under persistent IDs.
      guard let parts = tree.items(ofSequence: inner), let kind = parts.first else {
        return tensors[tree.storageKey(inner)] != nil
      }
      return tree.text(kind) == "storage"
    case .object(let object):
      guard let global = tree.global(of: object) else { return false }
      // What its elements are decides.
      if case .numpyArray? = TorchGlobal(global), NumPyPickle(tree: tree).objects(object) != nil {
        return false
      }
      return TorchGlobal(global)?.makesArray ?? bulk?.contains(id) ?? false
    default: return false
    }
  }
}

extension PickleTree {
  /// The key of a tensor or storage, which some writers pickle as a number.
  func storageKey(_ id: ID) -> TensorName {
    TensorName(text(id) ?? int(id).map(String.init) ?? "")
  }
}

/// The nodes that have been reached, with everything below them. Each is visited once.
struct PickleReach {
  private var reached: [Bool]

  init(_ tree: PickleTree) { reached = [Bool](repeating: false, count: tree.nodeCount) }

  func contains(_ id: PickleTree.ID) -> Bool { reached[id.index] }

  mutating func add(_ id: PickleTree.ID, _ tree: PickleTree) {
    var queue = [id]
    while let id = queue.popLast() {
      guard !reached[id.index] else { continue }
      reached[id.index] = true
      tree.forEachChild(of: id) { queue.append($0) }
    }
  }
}
