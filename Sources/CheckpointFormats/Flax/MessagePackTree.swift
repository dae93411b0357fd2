import CheckpointCore

/// The structure of a MessagePack file, its long data left in place.
///
/// The values lie in one array, each followed by the values in it: a map by its keys and values in turn,
/// an array by its items, an extension of a type that is known by the value in its payload. A small
/// file can hold millions, which as nested objects took hundreds of times its size.
struct MessagePackTree {
  struct Value {
    let kind: Kind
    /// The type of an extension.
    var type: Int8 = 0
    /// Pairs of a map, items of an array, bytes of a string, of binary data or of a payload.
    var count: UInt32 = 0
    /// The index behind the value and all that is in it.
    fileprivate(set) var end: UInt32 = 0
    /// A number's bits; where a string begins in `strings`; where data begins in the file.
    var payload: UInt64 = 0
  }

  enum Kind: UInt8 {
    case nothing, bool, int, unsigned, float, string, binary, array, map, ext
  }

  private(set) var values: [Value] = []
  /// The bytes of all strings, one after the other.
  private var strings: [UInt8] = []

  subscript(index: Int) -> Value { values[index] }

  /// Adds a value whose items, if any, are added next; to be closed behind them.
  mutating func open(_ value: Value) -> Int {
    values.append(value)
    values[values.count - 1].end = UInt32(values.count)
    return values.count - 1
  }

  mutating func close(_ index: Int) { values[index].end = UInt32(values.count) }

  mutating func add(_ kind: Kind, payload: UInt64 = 0) {
    _ = open(Value(kind: kind, payload: payload))
  }

  /// - Parameter text: UTF-8.
  mutating func addString(_ text: [UInt8]) {
    _ = open(
      Value(kind: .string, count: UInt32(text.count), payload: UInt64(strings.count)))
    strings += text
  }

  // MARK: What a value is

  func text(_ index: Int) -> String? {
    let value = values[index]
    guard value.kind == .string else { return nil }
    let start = Int(value.payload)
    return String(decoding: strings[start..<start + Int(value.count)], as: UTF8.self)
  }

  func isText(_ index: Int, _ expected: String) -> Bool {
    let value = values[index]
    guard value.kind == .string, Int(value.count) == expected.utf8.count else { return false }
    let start = Int(value.payload)
    return strings[start..<start + Int(value.count)].elementsEqual(expected.utf8)
  }

  func int(_ index: Int) -> Int? {
    let value = values[index]
    return value.kind == .int ? Int(bitPattern: UInt(value.payload)) : nil
  }

  /// Where binary data or a payload lies in the file.
  func data(_ index: Int) -> Range<Int>? {
    let value = values[index]
    guard value.kind == .binary || value.kind == .ext else { return nil }
    return Int(value.payload)..<Int(value.payload) + Int(value.count)
  }

  /// The indices of the values directly within `index`.
  func items(_ index: Int) -> [Int] {
    var result: [Int] = []
    forEachItem(of: index) { result.append($0) }
    return result
  }

  /// A map's keys and values.
  func pairs(_ index: Int) -> [(key: Int, value: Int)] {
    guard values[index].kind == .map else { return [] }
    let flat = items(index)
    return stride(from: 0, to: flat.count - 1, by: 2).map { (flat[$0], flat[$0 + 1]) }
  }

  func forEachItem(of index: Int, _ body: (Int) throws -> Void) rethrows {
    var next = index + 1
    while next < Int(values[index].end) {
      try body(next)
      next = Int(values[next].end)
    }
  }

  /// A plain value without others in it; `nil` for anything else.
  func json(_ index: Int) -> JSONValue? {
    let value = values[index]
    switch value.kind {
    case .nothing: return .null
    case .bool: return .bool(value.payload == 1)
    case .int: return .int(Int(Int64(bitPattern: value.payload)))
    case .float:
      let number = Double(bitPattern: value.payload)
      return number.isFinite ? .double(number) : nil
    case .string: return text(index).map(JSONValue.string)
    case .array: return value.count == 0 ? .array([]) : nil
    case .map: return value.count == 0 ? .object([JSONValue.Member]()) : nil
    case .unsigned, .binary, .ext: return nil
    }
  }

  /// What a plain value is, in a few words, for a listing.
  func summary(_ index: Int) -> String {
    let value = values[index]
    switch value.kind {
    case .nothing: return "None"
    case .bool: return value.payload == 1 ? "bool True" : "bool False"
    case .int: return "int \(Int64(bitPattern: value.payload))"
    case .unsigned: return "int \(value.payload)"
    case .float: return "float \(Double(bitPattern: value.payload))"
    case .string: return "str '\((text(index) ?? "").prefix(60))'"
    case .binary: return "\(value.count) bytes"
    case .array: return "list of \(value.count)"
    case .map: return value.count == 0 ? "an empty map" : "map of \(value.count)"
    case .ext: return "extension type \(value.type) of \(value.count) bytes"
    }
  }
}
