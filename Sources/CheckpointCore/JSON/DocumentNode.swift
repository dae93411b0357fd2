/// A value in a document with its path, so that a mistake is reported where it stands.
package struct DocumentNode: Sendable {
  /// Where a value begins in the document's text, both counted from 1.
  package struct Position: Sendable, Hashable, CustomStringConvertible {
    package let line: Int
    package let column: Int

    package var description: String { "line \(line), column \(column)" }

    package init(line: Int, column: Int) {
      self.line = line
      self.column = column
    }
  }

  package let value: JSONValue
  /// The way to the value: `tensors[3].shape`; empty for the document itself.
  package let path: String
  /// By path, where the parser kept them.
  private let positions: [String: Position]

  package init(_ value: JSONValue, positions: [String: Position] = [:]) {
    self.init(value, path: "", positions: positions)
  }

  private init(_ value: JSONValue, path: String, positions: [String: Position]) {
    self.value = value
    self.path = path
    self.positions = positions
  }

  package var position: Position? { positions[path] }

  package func problem(_ message: String, advice: String? = nil) -> CheckpointError {
    let place = position.map(\.description)
    let entry = [place, path.isEmpty ? nil : path].compactMap(\.self).joined(separator: ": ")
    return CheckpointError(entry: entry.isEmpty ? nil : entry, message, advice: advice)
  }

  private func mismatch(_ expected: String) -> CheckpointError {
    problem("\(expected) expected, \(value.kindName) found")
  }

  /// The members of an object, each key one of `known`.
  package func members(known: [String]) throws -> [String: DocumentNode] {
    guard case .object(let members) = value else { throw mismatch("an object") }
    var result: [String: DocumentNode] = [:]
    for member in members {
      guard known.contains(member.key) else {
        throw problem(
          "'\(member.key)' is not a key here",
          advice: suggestion(for: member.key, among: known)
            ?? "the keys are \(known.joined(separator: ", "))")
      }
      result[member.key] = child(member.key, member.value)
    }
    return result
  }

  /// The member `key` of an object that may hold others; `nil` where it is missing or null.
  package func optional(_ key: String) throws -> DocumentNode? {
    guard case .object = value else { throw mismatch("an object") }
    return value[key].flatMap { $0 == .null ? nil : child(key, $0) }
  }

  /// The member `key` of an object that may hold others.
  package func require(_ key: String) throws -> DocumentNode {
    guard case .object = value else { throw mismatch("an object") }
    guard let member = value[key] else { throw problem("the key '\(key)' is missing") }
    return child(key, member)
  }

  /// The members of an object whose keys are names.
  package func namedMembers() throws -> [(name: String, node: DocumentNode)] {
    guard case .object(let members) = value else { throw mismatch("an object") }
    return members.map { ($0.key, child($0.key, $0.value)) }
  }

  private func child(_ key: String, _ value: JSONValue) -> DocumentNode {
    DocumentNode(value, path: Self.path(path, key), positions: positions)
  }

  /// The path of a member, and of an item, of the value at `path`.
  package static func path(_ path: String, _ key: String) -> String {
    path.isEmpty ? key : "\(path).\(key)"
  }
  package static func path(_ path: String, _ index: Int) -> String { "\(path)[\(index)]" }

  package func items() throws -> [DocumentNode] {
    guard case .array(let items) = value else { throw mismatch("an array") }
    return items.enumerated().map {
      DocumentNode($1, path: Self.path(path, $0), positions: positions)
    }
  }

  package func string() throws -> String {
    guard case .string(let text) = value else { throw mismatch("a string") }
    return text
  }

  /// A tensor's name.
  package func name() throws -> TensorName { TensorName(try string()) }

  /// `nil` for null.
  package func optionalString() throws -> String? { value == .null ? nil : try string() }

  package func int() throws -> Int {
    guard case .int(let number) = value else { throw mismatch("an integer") }
    return number
  }

  package func bool() throws -> Bool {
    guard case .bool(let flag) = value else { throw mismatch("true or false") }
    return flag
  }

  package func double() throws -> Double {
    switch value {
    case .double(let number): number
    case .int(let number): Double(number)
    default: throw mismatch("a number")
    }
  }

  /// An extent: a number, or the name of one of the model's dimensions.
  package func extent(_ dimensions: [String: Int]) throws -> Int {
    if case .string(let name) = value {
      guard let extent = dimensions[name] else {
        throw problem(
          "the dimension '\(name)' is not defined",
          advice: suggestion(for: name, among: dimensions.keys))
      }
      return extent
    }
    let extent = try int()
    guard extent >= 0, extent <= Self.maximumExtent else {
      throw problem("\(extent) is not an extent of a tensor")
    }
    return extent
  }

  /// Larger than any layer; keeps sums and products of a few extents within 64 bits.
  private static let maximumExtent = 1 << 30

  package func extents(_ dimensions: [String: Int]) throws -> [Int] {
    try items().map { try $0.extent(dimensions) }
  }
}

extension [String: DocumentNode] {
  /// The member `key` of the object at `node`.
  package func require(_ key: String, of node: DocumentNode) throws -> DocumentNode {
    guard let member = self[key] else { throw node.problem("the key '\(key)' is missing") }
    return member
  }
}
