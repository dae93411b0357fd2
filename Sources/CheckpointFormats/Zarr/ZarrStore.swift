import CheckpointCore

/// The zarr arrays of a store, by the path of each.
struct ZarrStore: Sendable {
  /// What a path holds.
  enum Item: Sendable {
    case array(ZarrArray)
    /// An array that is not read here, and why.
    case unsupported(String)
    /// A group of arrays.
    case group
  }

  /// What is at a path, and what is said of it.
  struct Node: Sendable {
    let item: Item
    var attributes: [JSONValue.Member]
  }

  let store: KeyValueStore
  /// Arrays of the same shape and type have the same metadata: each is parsed once.
  private var parsed: [[UInt8]: Node] = [:]

  /// Version 2 has the mark of a group and attributes in files of their own.
  private static let groupName = ".zgroup"
  private static let attributesName = ".zattrs"

  /// Larger than any array's metadata; it is parsed in memory.
  private static let maximumSize = 1 << 20

  init(_ store: KeyValueStore) { self.store = store }

  /// What is at `path`, `""` being the top; `nil` where there is nothing.
  mutating func node(at path: String) throws -> Node? {
    let prefix = path.isEmpty ? "" : path + "/"
    var name = prefix + ZarrV2Metadata.name
    do {
      if let place = store.place(of: name) {
        var node = try node(place, ZarrV2Metadata.array)
        name = prefix + Self.attributesName
        node.attributes = try attributes(name)
        return node
      }
      name = prefix + ZarrV3Metadata.name
      if let place = store.place(of: name) { return try node(place, ZarrV3Metadata.array) }
      guard store.place(of: prefix + Self.groupName) != nil else { return nil }
      name = prefix + Self.attributesName
      return Node(item: .group, attributes: try attributes(name))
    } catch let error as CheckpointError {
      throw error.inEntry(name)
    }
  }

  private func attributes(_ name: String) throws -> [JSONValue.Member] {
    guard let place = store.place(of: name) else { return [] }
    guard case .object(let members) = try Self.document(try bytes(place)) else {
      throw CheckpointError("its attributes are no JSON object")
    }
    return members
  }

  private func bytes(_ place: KeyValueStore.Place) throws -> [UInt8] {
    guard place.size <= Self.maximumSize else {
      throw CheckpointError("\(place.size) bytes are too many for the metadata of an array")
    }
    return try store.read(place)
  }

  private static func document(_ bytes: [UInt8]) throws -> JSONValue {
    do {
      return try JSONParser.parse(bytes)
    } catch {
      throw CheckpointError(
        "the metadata of an array is not valid JSON: \(error)",
        advice: "the file is damaged; fetch or save it again")
    }
  }

  private mutating func node(
    _ place: KeyValueStore.Place, _ parse: (DocumentNode) throws -> ZarrArray?
  ) throws -> Node {
    let bytes = try bytes(place)
    if let known = parsed[bytes] { return known }
    let document = try Self.document(bytes)
    var node = Node(item: .group, attributes: [])
    if case .object(let members)? = document["attributes"] { node.attributes = members }
    do {
      if let array = try parse(DocumentNode(document)) {
        node = Node(item: .array(array), attributes: node.attributes)
      }
    } catch let error as ZarrUnsupported {
      node = Node(item: .unsupported(error.reason), attributes: node.attributes)
    }
    parsed[bytes] = node
    return node
  }

  /// The paths of all arrays and groups, in order, the top among them.
  func paths() throws -> [String] {
    let suffixes = [ZarrV2Metadata.name, ZarrV3Metadata.name, Self.groupName].map {
      Array($0.utf8)
    }
    return try (0..<store.count).compactMap { index in
      let key = store.key(index)
      guard let suffix = suffixes.first(where: { key.hasSuffix($0) }) else { return nil }
      let path = key.dropLast(suffix.count)
      guard path.isEmpty || path.last == UInt8(ascii: "/") else { return nil }
      guard let text = String(validating: path.dropLast(), as: UTF8.self) else {
        throw CheckpointError("the path of an array is not UTF-8")
      }
      return text
    }
  }
}

extension Collection<UInt8> where Self: BidirectionalCollection {
  fileprivate func hasSuffix(_ suffix: [UInt8]) -> Bool {
    count >= suffix.count && self.suffix(suffix.count).elementsEqual(suffix)
  }
}
