/// A JSON document (RFC 8259) whose objects keep their order and hold each key once.
public enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// A key of an object and its value.
  public struct Member: Sendable, Hashable {
    /// The key.
    public let key: String
    /// Its value.
    public let value: JSONValue
    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// The value of the first member of this key; `nil` where there is none, or this is no object.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  /// An object from literals, in their order.
  package static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
    .object(members.map { Member($0.key, $0.value) })
  }

  /// A number, or null where it is NaN or infinite, which JSON cannot say.
  package static func finite(_ value: Double) -> JSONValue {
    value.isFinite ? .double(value) : .null
  }

  /// A tensor's name, or null where there is none.
  package static func name(_ name: TensorName?) -> JSONValue { .optional(name?.text) }

  package static func optional(_ value: String?) -> JSONValue {
    value.map(JSONValue.string) ?? .null
  }

  package static func ints(_ values: [Int]) -> JSONValue { .array(values.map(JSONValue.int)) }

  /// What kind of value this is, for an error message.
  package var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .int: "an integer"
    case .double: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
