package import CheckpointCore

extension CheckpointSchema {
  /// The schema as a JSON document.
  package var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("$schema", .string("checkpoint.schema.json")),
      .init("schema_version", .int(Self.schemaVersion)), .init("name", .string(name)),
    ]
    if let title { members.append(.init("title", .string(title))) }
    members.append(.init("world", .string(isClosed ? "closed" : "open")))
    members.append(.init("tensors", .array(entries.map { .object($0.members) })))
    return .object(members)
  }

  /// The schema as YAML: an entry per line, so that a change is a line of a diff.
  package var yaml: String {
    var lines = ["schema_version: \(Self.schemaVersion)", "name: \(quoted(name))"]
    if let title { lines.append("title: \(quoted(title))") }
    lines.append("world: \(isClosed ? "closed" : "open")")
    lines.append("tensors:")
    // A flow mapping is JSON, which is YAML.
    lines += entries.map { "  - " + JSONValue.object($0.members).singleLine }
    return lines.joined(separator: "\n")
  }

  private func quoted(_ text: String) -> String { yamlString(JSONValue.string(text).serialized()) }
}

extension JSONValue {
  /// The value on one line, with blanks where a person wants them.
  fileprivate var singleLine: String {
    switch self {
    case .object(let members):
      "{"
        + members.map { JSONValue.string($0.key).serialized() + ": " + $0.value.singleLine }
        .joined(separator: ", ") + "}"
    case .array(let items): "[" + items.map(\.singleLine).joined(separator: ", ") + "]"
    case .double(let number):
      // YAML 1.1 takes a number with an exponent and no point for a string.
      number.description.contains(".")
        ? number.description : number.description.replacing("e", with: ".0e")
    case .string: yamlString(serialized())
    default: serialized()
    }
  }
}

/// A JSON string with the characters written out that YAML does not take as they are.
private func yamlString(_ text: String) -> String {
  text.unicodeScalars.reduce(into: "") { result, scalar in
    switch scalar.value {
    case 0x80..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
}

extension SchemaEntry {
  fileprivate var members: [JSONValue.Member] {
    var members: [JSONValue.Member] = [.init("name", .string(pattern.text))]
    func add(_ key: String, _ value: JSONValue?) {
      if let value { members.append(.init(key, value)) }
    }
    add("range", range.map { .ints([$0.lowerBound, $0.upperBound]) })
    add("alias_of", aliasOf.map(JSONValue.name))
    add(
      "shape",
      shape.map { extents in
        .array(
          extents.map { extent in
            switch extent {
            case .fixed(let value): .int(value)
            case .named(let name): .string(name)
            case .any: .null
            }
          })
      })
    add(
      "dtype",
      constraints.dtypes.map {
        $0.count == 1 ? .string($0[0].name) : .array($0.map { .string($0.name) })
      })
    add("constant", constraints.constant.map(JSONValue.double))
    add("finite", constraints.isFinite.map(JSONValue.bool))
    add("mean", constraints.mean?.json)
    add("std", constraints.std?.json)
    add("abs_max", constraints.absMax?.json)
    add("zero_fraction", constraints.zeroFraction?.json)
    add("duplicates", constraints.allowsDuplicates.map { .string($0 ? "allow" : "forbid") })
    add("sha256", constraints.sha256.map(JSONValue.string))
    add(
      "centroid",
      constraints.centroids.map { lists in
        let values = lists.map { JSONValue.array($0.map(JSONValue.double)) }
        return range == nil ? values[0] : .array(values)
      })
    return members
  }
}

extension Bounds {
  fileprivate var json: JSONValue {
    .object(
      [
        minimum.map { JSONValue.Member("min", .double($0)) },
        maximum.map { .init("max", .double($0)) },
      ]
      .compactMap(\.self))
  }
}
