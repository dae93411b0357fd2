import CheckpointCore

/// What a pickle describes, as passive data: nothing in it is imported, called or built.
///
/// Nodes live in one array and refer to each other by index. A hostile pickle can nest a million
/// levels or refer to itself; an array of indices frees without recursion and may hold cycles.
struct PickleTree: Sendable {
  /// An index into the tree's nodes.
  struct ID: Hashable, Sendable {
    private let number: UInt32
    var index: Int { Int(number) }
    init(_ index: Int) { number = UInt32(index) }
  }

  enum Node: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    /// An integer beyond 64 bits: its two's complement, little-endian; empty where it was decimal
    /// text.
    case bigInt([UInt8])
    case float(Double)
    case string(String)
    case bytes(ByteRange)
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

  /// Bytes of the pickle itself.
  struct ByteRange: Sendable {
    fileprivate let start: UInt32
    fileprivate let size: UInt32
    var count: Int { Int(size) }
  }

  /// A container's items; a dict's are its keys and values in turn.
  struct Items: Sendable {
    fileprivate let start: UInt32
    /// `nil` for a container that grows: `start` is its number.
    fileprivate let count: UInt32?
  }

  /// Index of an object that REDUCE, NEWOBJ, INST or OBJ would have made.
  struct Object: Hashable, Sendable { fileprivate let index: UInt32 }

  /// A name a pickle asks to import; one for all places that name it.
  final class Global: Sendable, CustomStringConvertible {
    let module: String
    let name: String
    let description: String

    fileprivate init(module: String, name: String, description: String) {
      (self.module, self.name, self.description) = (module, name, description)
    }
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

  private let source: ArraySlice<UInt8>
  private var nodes: [Node] = []
  /// The items of all tuples, one after the other.
  private var tupleItems: [ID] = []
  private var growing: [[ID]] = []
  private var objects: [ObjectParts] = []
  private var globals: [String: Global] = [:]
  private(set) var root: ID?

  /// The longest pickle whose places fit `ByteRange`.
  static let maximumLength = Int(UInt32.max)

  /// - Parameter source: the pickle, of at most `maximumLength` bytes.
  init(_ source: ArraySlice<UInt8>) { self.source = source }

  subscript(id: ID) -> Node { nodes[id.index] }
  subscript(object: Object) -> ObjectParts { objects[Int(object.index)] }
  subscript(range: ByteRange) -> ArraySlice<UInt8> {
    let start = source.startIndex + Int(range.start)
    return source[start..<start + range.count]
  }
  subscript(items: Items) -> ArraySlice<ID> {
    guard let count = items.count else { return growing[Int(items.start)][...] }
    return tupleItems[Int(items.start)..<Int(items.start) + Int(count)]
  }

  var nodeCount: Int { nodes.count }

  /// Whether it holds more than any checkpoint: `StructureLimits.values`, and no more references to
  /// them than two for each.
  var isFull: Bool {
    nodes.count >= StructureLimits.values || tupleItems.count >= 2 * StructureLimits.values
  }

  mutating func add(_ node: Node) -> ID {
    nodes.append(node)
    return ID(nodes.count - 1)
  }

  mutating func addTuple(_ items: some Collection<ID>) -> ID {
    tupleItems.append(contentsOf: items)
    return add(
      .tuple(Items(start: UInt32(tupleItems.count - items.count), count: UInt32(items.count))))
  }

  /// Items that may become more.
  mutating func addItems(_ items: [ID]) -> Items {
    growing.append(items)
    return Items(start: UInt32(growing.count - 1), count: nil)
  }

  mutating func addObject(callable: ID, arguments: ID) -> ID {
    objects.append(ObjectParts(callable: callable, arguments: arguments))
    return add(.object(Object(index: UInt32(objects.count - 1))))
  }

  /// - Parameter bytes: a slice of the source.
  mutating func addBytes(_ bytes: ArraySlice<UInt8>) -> ID {
    add(
      .bytes(
        ByteRange(
          start: UInt32(bytes.startIndex - source.startIndex), size: UInt32(bytes.count))))
  }

  mutating func addGlobal(module: String, name: String) -> ID {
    let description = "\(module).\(name)"
    let global =
      globals[description] ?? Global(module: module, name: name, description: description)
    globals[description] = global
    return add(.global(global))
  }

  mutating func append(_ values: [ID], to items: Items) {
    growing[Int(items.start)].append(contentsOf: values)
  }

  mutating func update(_ object: Object, _ change: (inout ObjectParts) -> Void) {
    change(&objects[Int(object.index)])
  }

  mutating func setRoot(_ id: ID) { root = id }

  var allIDs: some BidirectionalCollection<ID> { nodes.indices.lazy.map { ID($0) } }

  /// Calls `body` with every node that `id` refers to directly.
  func forEachChild(of id: ID, _ body: (ID) -> Void) {
    switch self[id] {
    case .list(let items), .tuple(let items), .set(let items), .dict(let items):
      self[items].forEach(body)
    case .persistent(let inner): body(inner)
    case .object(let object):
      let parts = self[object]
      body(parts.callable)
      body(parts.arguments)
      if let state = parts.state { body(state) }
      parts.items.forEach(body)
      parts.appended.forEach(body)
    default: break
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
