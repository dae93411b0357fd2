/// What a pickle describes, as passive data: nothing in it is imported, called or built.
///
/// Nodes live in one array and refer to each other by index. A hostile pickle can nest a million
/// levels or refer to itself; an array of indices frees without recursion and may hold cycles.
struct PickleTree: Sendable {
  /// An index into the tree's nodes.
  struct ID: Hashable, Sendable { fileprivate let index: Int }

  enum Node: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    /// An integer beyond 64 bits: its two's complement, little-endian; empty where it was decimal
    /// text.
    case bigInt([UInt8])
    case float(Double)
    case string(String)
    case bytes(ArraySlice<UInt8>)
    case list(Items)
    case tuple(Items)
    case set(Items)
    case dict(Items)
    case global(Global)
    case persistent(ID)
    case object(Object)
    /// A value from the extension registry (EXT1, EXT2, EXT4) or an out-of-band buffer.
    case opaque(String)
  }

  /// Index of a container's items; a dict's are its keys and values in turn.
  struct Items: Hashable, Sendable { fileprivate let index: Int }
  /// Index of an object that REDUCE, NEWOBJ, INST or OBJ would have made.
  struct Object: Hashable, Sendable { fileprivate let index: Int }

  /// A name a pickle asks to import.
  struct Global: Hashable, Sendable, CustomStringConvertible {
    let module: String
    let name: String
    var description: String { "\(module).\(name)" }
  }

  struct ObjectParts: Sendable {
    let callable: ID
    let arguments: ID
    /// What BUILD would have passed to `__setstate__`.
    var state: ID?
    /// Keys and values in turn, from SETITEMS on an object such as an OrderedDict.
    var items: [ID] = []
    /// Values from APPENDS or ADDITEMS on an object.
    var appended: [ID] = []
  }

  private var nodes: [Node] = []
  private var containers: [[ID]] = []
  private var objects: [ObjectParts] = []
  private(set) var root: ID?

  subscript(id: ID) -> Node { nodes[id.index] }
  subscript(items: Items) -> [ID] { containers[items.index] }
  subscript(object: Object) -> ObjectParts { objects[object.index] }

  /// Millions of parameters take a few million nodes; beyond this a pickle is made to exhaust memory.
  static let maximumNodes = 1 << 24

  var isFull: Bool { nodes.count >= Self.maximumNodes }

  mutating func add(_ node: Node) -> ID {
    nodes.append(node)
    return ID(index: nodes.count - 1)
  }

  mutating func addItems(_ items: [ID]) -> Items {
    containers.append(items)
    return Items(index: containers.count - 1)
  }

  mutating func addObject(callable: ID, arguments: ID) -> ID {
    objects.append(ObjectParts(callable: callable, arguments: arguments))
    return add(.object(Object(index: objects.count - 1)))
  }

  mutating func append(_ values: [ID], to items: Items) {
    containers[items.index].append(contentsOf: values)
  }

  mutating func update(_ object: Object, _ change: (inout ObjectParts) -> Void) {
    change(&objects[object.index])
  }

  mutating func setRoot(_ id: ID) { root = id }

  var allIDs: some Sequence<ID> { nodes.indices.lazy.map { ID(index: $0) } }

  /// The nodes that `id` refers to directly.
  func children(of id: ID) -> [ID] {
    switch self[id] {
    case .list(let items), .tuple(let items), .set(let items), .dict(let items): return self[items]
    case .persistent(let inner): return [inner]
    case .object(let object):
      let parts = self[object]
      return [parts.callable, parts.arguments] + (parts.state.map { [$0] } ?? []) + parts.items
        + parts.appended
    default: return []
    }
  }

  /// What a plain value is, in a few words, for a listing.
  func summary(_ id: ID) -> String {
    switch self[id] {
    case .none: "None"
    case .bool(let value): value ? "bool True" : "bool False"
    case .int(let value): "int \(value)"
    case .bigInt: "int beyond 64 bits"
    case .float(let value): "float \(value)"
    case .string(let text): "str '\(text.prefix(60))'" + (text.count > 60 ? "…" : "")
    case .bytes(let bytes): "\(bytes.count) bytes"
    case .list(let items): "list of \(self[items].count)"
    case .tuple(let items): "tuple of \(self[items].count)"
    case .set(let items): "set of \(self[items].count)"
    case .dict(let items): "dict of \(self[items].count / 2)"
    case .global(let global): "\(global)"
    case .persistent: "a storage without a tensor"
    case .object(let object): global(of: object).map { "object of \($0)" } ?? "object"
    case .opaque(let what): what
    }
  }
}

extension PickleTree {
  /// The text of a string, or of a Python 2 byte string.
  func text(_ id: ID) -> String? {
    switch self[id] {
    case .string(let text): text
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
    default: nil
    }
  }

  func int(_ id: ID) -> Int? {
    switch self[id] {
    case .int(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  func items(ofSequence id: ID) -> [ID]? {
    switch self[id] {
    case .list(let items), .tuple(let items): self[items]
    default: nil
    }
  }

  /// A tuple of integers: a size or strides. `torch.Size([…])` counts as one.
  func ints(_ id: ID) -> [Int]? {
    var sequence = id
    if case .object(let object) = self[id], global(of: object)?.description == "torch.Size",
      let inner = items(ofSequence: self[object].arguments)?.first
    {
      sequence = inner
    }
    guard let items = items(ofSequence: sequence) else { return nil }
    let values = items.compactMap { int($0) }
    return values.count == items.count ? values : nil
  }

  func global(of object: Object) -> Global? {
    guard case .global(let global) = self[self[object].callable] else { return nil }
    return global
  }

  /// Keys and values of a dict, or of an object that took items as one does.
  func pairs(_ id: ID) -> [(key: ID, value: ID)]? {
    let flat: [ID]
    switch self[id] {
    case .dict(let items): flat = self[items]
    case .object(let object): flat = self[object].items
    default: return nil
    }
    return stride(from: 0, to: flat.count - 1, by: 2).map { (flat[$0], flat[$0 + 1]) }
  }
}
