public import CheckpointCore

/// A record of one conversion, from which it can be replayed: the hashes of both sides, and the
/// rule and role behind every tensor. `schemas/certificate.schema.json` describes the file.
public struct Certificate: Sendable, Equatable {
  /// A tensor as it was hashed: SHA-256 of its elements in C order, little-endian.
  public struct Digest: Sendable, Equatable {
    public let name: TensorName
    public let dtype: String
    public let shape: [Int]
    public let sha256: String

    public init(name: TensorName, dtype: String, shape: [Int], sha256: String) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
      self.sha256 = sha256
    }
  }

  public struct Side: Sendable, Equatable {
    /// The path as the command line gave it.
    public let file: String
    /// One hash over all of `tensors`.
    public let root: String
    /// In name order.
    public let tensors: [Digest]

    public init(file: String, root: String, tensors: [Digest]) {
      self.file = file
      self.root = root
      self.tensors = tensors
    }
  }

  /// The part of the source that was converted.
  public struct Selection: Sendable, Equatable {
    public let key: String?
    public let include: [String]
    public let exclude: [String]

    public init(key: String?, include: [String], exclude: [String]) {
      self.key = key
      self.include = include
      self.exclude = exclude
    }
  }

  /// How one target tensor was made.
  public struct Origin: Sendable, Equatable {
    public let name: TensorName
    public let sources: [TensorName]
    public let role: String
    public let rule: Int?
    public let aliasOf: TensorName?

    public init(
      name: TensorName, sources: [TensorName], role: String, rule: Int?, aliasOf: TensorName?
    ) {
      self.name = name
      self.sources = sources
      self.role = role
      self.rule = rule
      self.aliasOf = aliasOf
    }
  }

  public let toolVersion: String
  /// The model document's name or path; `nil` where the format alone was changed.
  public let map: String?
  /// `nil` where the format alone was changed.
  public let direction: String?
  /// The dtype that floating-point tensors were cast to.
  public let dtype: String?
  public let selection: Selection
  public let source: Side
  public let target: Side
  public let origins: [Origin]

  public init(
    toolVersion: String, map: String?, direction: String?, dtype: String?,
    selection: Selection, source: Side, target: Side, origins: [Origin]
  ) {
    self.toolVersion = toolVersion
    self.map = map
    self.direction = direction
    self.dtype = dtype
    self.selection = selection
    self.source = source
    self.target = target
    self.origins = origins
  }
}

extension Certificate {
  private static let schemaVersion = 1

  /// - Throws: `CheckpointError` with the place of the mistake.
  public init(json bytes: [UInt8]) throws {
    let root: DocumentNode
    do {
      root = DocumentNode(try JSONParser.parse(bytes))
    } catch {
      throw CheckpointError("not a JSON document: \(error)")
    }
    let members = try root.members(
      known: [
        "$schema", "schema_version", "tool", "map", "direction", "dtype", "selection", "source",
        "target", "tensors",
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
    selection = try Selection(try members.require("selection", of: root))
    source = try Side(try members.require("source", of: root))
    target = try Side(try members.require("target", of: root))
    origins = try members.require("tensors", of: root).items().map(Origin.init)
  }

  public var json: JSONValue {
    .object([
      "schema_version": .int(Self.schemaVersion),
      "tool": .object(["name": .string("savi-ckpt"), "version": .string(toolVersion)]),
      "map": .optional(map),
      "direction": .optional(direction),
      "dtype": .optional(dtype),
      "selection": .object([
        "key": .optional(selection.key),
        "include": .array(selection.include.map(JSONValue.string)),
        "exclude": .array(selection.exclude.map(JSONValue.string)),
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
    let members = try node.members(known: ["key", "include", "exclude"])
    key = try members.require("key", of: node).optionalString()
    include = try members.require("include", of: node).items().map { try $0.string() }
    exclude = try members.require("exclude", of: node).items().map { try $0.string() }
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
