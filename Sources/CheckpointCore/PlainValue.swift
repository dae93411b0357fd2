/// A value that stands in a checkpoint beside its tensors.
public struct PlainValue: Sendable, Hashable {
  /// The value, as JSON has it.
  public let value: JSONValue
  /// Whether it is said of the file (`__metadata__` of safetensors, attributes of HDF5, keys of GGUF),
  /// rather than an entry among the tensors, such as a train state's step.
  public let isMetadata: Bool

  public init(_ value: JSONValue, isMetadata: Bool) {
    self.value = value
    self.isMetadata = isMetadata
  }

  /// What it is in a few words, under Python's names of types; long values are cut.
  public var summary: String {
    switch value {
    case .null: "None"
    case .bool(let value): value ? "bool True" : "bool False"
    case .int(let value): "int \(value)"
    case .double(let value): "float \(value)"
    case .string(let text): "str '\(abbreviated(text, to: Self.shownLength))'"
    case .array(let items):
      "list of \(items.count): \(abbreviated(value.serializedOnOneLine(), to: Self.shownLength))"
    case .object(let members):
      "dict of \(members.count): \(abbreviated(value.serializedOnOneLine(), to: Self.shownLength))"
    }
  }

  private static let shownLength = 60
}

/// A plain value to be written, under the name it was read with.
package struct OutputValue: Sendable, Hashable {
  package let name: TensorName
  package let value: PlainValue

  package init(name: TensorName, value: PlainValue) {
    self.name = name
    self.value = value
  }

  /// The name without what marks it as metadata in a listing.
  package var key: String {
    for prefix in [PlainValue.safetensorsPrefix, PlainValue.attributePrefix]
    where value.isMetadata && name.hasPrefix(prefix) {
      return name.dropFirst(prefix).text
    }
    return name.text
  }
}

extension PlainValue {
  /// What the names of safetensors' metadata begin with in a listing.
  package static let safetensorsPrefix: TensorName = "__metadata__."
  /// What the names of HDF5's attributes begin with in a listing.
  package static let attributePrefix: TensorName = "@"
}
