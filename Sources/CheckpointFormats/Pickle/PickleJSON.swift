import CheckpointCore

/// Plain values of a pickle as JSON.
struct PickleValues {
  private let tree: PickleTree
  /// Nodes that may still be visited: one list can stand in a pickle many times.
  private var budget: Int

  init(_ tree: PickleTree) {
    self.tree = tree
    budget = StructureLimits.entries(ofValues: tree.nodeCount)
  }

  /// `nil` for what JSON has no form for, whole or in part: bytes, objects, numbers that are not finite.
  mutating func json(_ id: PickleTree.ID) -> JSONValue? { json(id, depth: 0) }

  private mutating func json(_ id: PickleTree.ID, depth: Int) -> JSONValue? {
    budget -= 1
    guard budget > 0, depth <= StructureLimits.depth else { return nil }
    switch tree[id] {
    case .none: return .null
    case .bool(let value): return .bool(value)
    case .int(let value): return .int(value)
    case .float(let value): return value.isFinite ? .double(value) : nil
    case .string(let text): return .string(text)
    case .list(let items), .tuple(let items):
      var values: [JSONValue] = []
      for item in tree[items] {
        guard let value = json(item, depth: depth + 1) else { return nil }
        values.append(value)
      }
      return .array(values)
    case .dict: return object(id, depth: depth)
    default: return nil
    }
  }

  private mutating func object(_ id: PickleTree.ID, depth: Int) -> JSONValue? {
    var members: [JSONValue.Member] = []
    var keys: Set<TensorName> = []
    for (key, value) in tree.pairs(id) ?? [] {
      guard let text = tree.text(key) ?? tree.int(key).map(String.init),
        keys.insert(TensorName(text)).inserted, let value = json(value, depth: depth + 1)
      else { return nil }
      members.append(.init(text, value))
    }
    return .object(members)
  }
}
