package import CheckpointCore

extension Certificate {
  private static let schemaVersion = 1

  /// - Throws: `CheckpointError` with the place of the mistake.
  package init(json bytes: [UInt8]) throws {
    let root: DocumentNode
    do {
      root = DocumentNode(try JSONParser.parse(bytes))
    } catch {
      throw CheckpointError("not a JSON document: \(error)")
    }
    let members = try root.members(
      known: [
        "$schema", "schema_version", "tool", "map", "direction", "dtype", "template", "selection",
        "source", "target", "tensors",
      ])
    let version = try members.require("schema_version", of: root).int()
    guard version == Self.schemaVersion else {
      throw CheckpointError(
        "schema_version \(version) is not known (this tool reads \(Self.schemaVersion))")
    }
    let tool = try members.require("tool", of: root)
    toolVersion = try tool.members(known: ["name", "version"]).require("version", of: tool).string()
    map = try members.require("map", of: root).optionalString()
    direction = try members.require("direction", of: root).optionalString()
    dtype = try members.require("dtype", of: root).optionalString()
    template = try members["template"]?.optionalString()
    selection = try Selection(try members.require("selection", of: root))
    source = try Side(try members.require("source", of: root))
    let targetNode = try members.require("target", of: root)
    target = try Side(targetNode)
    guard !target.tensors.isEmpty else {
      throw targetNode.problem("the certificate records no tensor, so it says nothing")
    }
    origins = try members.require("tensors", of: root).items().map(Origin.init)
  }

  package var json: JSONValue {
    .object([
      "schema_version": .int(Self.schemaVersion),
      "tool": .object(["name": .string("savi-ckpt"), "version": .string(toolVersion)]),
      "map": .optional(map),
      "direction": .optional(direction),
      "dtype": .optional(dtype),
      "template": .optional(template),
      "selection": .object([
        "key": .name(selection.key),
        "include": .array(selection.include.map(JSONValue.string)),
        "exclude": .array(selection.exclude.map(JSONValue.string)),
        "format": .optional(selection.format?.rawValue),
        "raw_as": .array(selection.rawTypes.map { .string($0.name) }),
      ]),
      "source": source.json,
      "target": target.json,
      "tensors": .array(
        origins.map { origin in
          .object([
            "name": .name(origin.name),
            "sources": .array(origin.sources.map(JSONValue.name)),
            "role": .string(origin.role),
            "rule": origin.rule.map(JSONValue.int) ?? .null,
            "alias_of": .name(origin.aliasOf),
          ])
        }),
    ])
  }
}

extension Certificate.Selection {
  fileprivate init(_ node: DocumentNode) throws {
    let members = try node.members(known: ["key", "include", "exclude", "format", "raw_as"])
    key = try members.require("key", of: node).optionalString().map { TensorName($0) }
    include = try members.require("include", of: node).items().map { try $0.string() }
    exclude = try members.require("exclude", of: node).items().map { try $0.string() }
    // Certificates of versions that did not record these say nothing of them.
    format = try members["format"]?.optionalString().map { FormatName(rawValue: $0) }
    rawTypes = try (members["raw_as"]?.items() ?? []).map { try $0.dtype() }
  }
}

extension Certificate.Side {
  fileprivate init(_ node: DocumentNode) throws {
    let members = try node.members(known: ["file", "root", "tensors"])
    file = try members.require("file", of: node).string()
    root = try members.require("root", of: node).string()
    tensors = try members.require("tensors", of: node).items().map { node in
      let members = try node.members(known: ["name", "dtype", "shape", "sha256"])
      return Certificate.Digest(
        name: try members.require("name", of: node).name(),
        dtype: try members.require("dtype", of: node).string(),
        shape: try members.require("shape", of: node).items().map { try $0.int() },
        sha256: try members.require("sha256", of: node).string())
    }
  }

  fileprivate var json: JSONValue {
    .object([
      "file": .string(file),
      "root": .string(root),
      "tensors": .array(
        tensors.map {
          .object([
            "name": .name($0.name), "dtype": .string($0.dtype), "shape": .ints($0.shape),
            "sha256": .string($0.sha256),
          ])
        }),
    ])
  }
}

extension Certificate.Origin {
  fileprivate init(_ node: DocumentNode) throws {
    let members = try node.members(known: ["name", "sources", "role", "rule", "alias_of"])
    let rule = try members.require("rule", of: node)
    self.init(
      name: try members.require("name", of: node).name(),
      sources: try members.require("sources", of: node).items().map { try $0.name() },
      role: try members.require("role", of: node).string(),
      rule: rule.value == .null ? nil : try rule.int(),
      aliasOf: try members.require("alias_of", of: node).optionalString().map { TensorName($0) })
  }
}
