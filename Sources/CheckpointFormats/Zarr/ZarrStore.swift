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

  let store: KeyValueStore
  /// Arrays of the same shape and type have the same metadata: each is parsed once.
  private var parsed: [[UInt8]: Item] = [:]

  /// Larger than any array's metadata; it is parsed in memory.
  private static let maximumSize = 1 << 20

  init(_ store: KeyValueStore) { self.store = store }

  /// The array at `path`, `""` being the top; `nil` where there is none.
  mutating func item(at path: String) throws -> Item? {
    let prefix = path.isEmpty ? "" : path + "/"
    for (name, parse) in [
      (ZarrV2Metadata.name, ZarrV2Metadata.array), (ZarrV3Metadata.name, ZarrV3Metadata.array),
    ] {
      guard let place = store.place(of: prefix + name) else { continue }
      do {
        return try item(place, parse)
      } catch let error as CheckpointError {
        throw error.inEntry(prefix + name)
      }
    }
    return nil
  }

  private mutating func item(
    _ place: KeyValueStore.Place, _ parse: (DocumentNode) throws -> ZarrArray?
  ) throws -> Item {
    guard place.size <= Self.maximumSize else {
      throw CheckpointError("\(place.size) bytes are too many for the metadata of an array")
    }
    let bytes = try store.read(place)
    if let known = parsed[bytes] { return known }
    let item: Item
    do {
      let array = try parse(DocumentNode(try JSONParser.parse(bytes)))
      item = array.map(Item.array) ?? .group
    } catch let error as ZarrUnsupported {
      item = .unsupported(error.reason)
    } catch let error as JSONParser.Failure {
      throw CheckpointError(
        "the metadata of an array is not valid JSON: \(error)",
        advice: "the file is damaged; fetch or save it again")
    }
    parsed[bytes] = item
    return item
  }

  /// The paths of all arrays, in order, the top among them.
  func paths() throws -> [String] {
    let suffixes = [ZarrV2Metadata.name, ZarrV3Metadata.name].map { Array($0.utf8) }
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
