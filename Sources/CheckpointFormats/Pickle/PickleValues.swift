import CheckpointCore

// Nodes of a pickle as what they stand for in Python.
extension PickleTree {
  /// The text of a string, or of a Python 2 byte string.
  func text(_ id: ID) -> String? {
    switch self[id] {
    case .string(let text): text
    case .bytes(let bytes): String(validating: self[bytes], as: UTF8.self)
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
    case .list(let items), .tuple(let items): Array(self[items])
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

  /// Keys and values of a dict, or of an object that takes items as one does: those its class was
  /// called with (a dict, or a list of pairs, as Python 2 pickles an OrderedDict), then those that
  /// were set. As in Python, the last of two equal keys counts, in the place of the first.
  func pairs(_ id: ID) -> [(key: ID, value: ID)]? {
    switch self[id] {
    case .dict(let items): return distinct(Self.paired(self[items]))
    case .object(let object):
      let parts = self[object]
      let called = (items(ofSequence: parts.arguments) ?? []).flatMap { givenPairs($0) ?? [] }
      return distinct(called + Self.paired(parts.items[...]))
    default: return nil
    }
  }

  private static func paired(_ flat: ArraySlice<ID>) -> [(key: ID, value: ID)] {
    stride(from: flat.startIndex, to: flat.endIndex - 1, by: 2).map { (flat[$0], flat[$0 + 1]) }
  }

  /// An argument of `dict`: `nil` where it gives no items.
  private func givenPairs(_ argument: ID) -> [(key: ID, value: ID)]? {
    if case .dict(let items) = self[argument] { return Self.paired(self[items]) }
    guard let list = items(ofSequence: argument) else { return nil }
    let pairs = list.compactMap { item -> (key: ID, value: ID)? in
      guard let pair = items(ofSequence: item), pair.count == 2 else { return nil }
      return (pair[0], pair[1])
    }
    return pairs.count == list.count ? pairs : nil
  }

  /// What makes two keys of a dict equal.
  private enum Key: Hashable {
    case text([UInt8])
    case bytes(ArraySlice<UInt8>)
    case number(Double)
    case int(Int)
    /// Anything else is a key by itself.
    case node(ID)
  }

  private func key(_ id: ID) -> Key {
    switch self[id] {
    case .string(let text): .text(Array(text.utf8))
    case .bytes(let bytes): .bytes(self[bytes])
    case .bool(let value): .int(value ? 1 : 0)
    case .int(let value): .int(value)
    case .float(let value): Int(exactly: value).map { .int($0) } ?? .number(value)
    default: .node(id)
    }
  }

  private func distinct(_ pairs: [(key: ID, value: ID)]) -> [(key: ID, value: ID)] {
    var places: [Key: Int] = [:]
    places.reserveCapacity(pairs.count)
    var result: [(key: ID, value: ID)] = []
    result.reserveCapacity(pairs.count)
    for pair in pairs {
      let key = key(pair.key)
      if let place = places[key] {
        result[place].value = pair.value
      } else {
        places[key] = result.count
        result.append(pair)
      }
    }
    return result
  }
}
