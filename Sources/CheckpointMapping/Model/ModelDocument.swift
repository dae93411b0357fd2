import CheckpointCore

/// A model: its PyTorch module tree, from which its tensors follow, and the mapping of the other
/// side's parameters. `schemas/model.schema.json` describes the file.
///
/// A document without `modules` is a mapping alone: shapes then follow from the source tensors.
package struct ModelDocument: Sendable {
  package let name: String
  package let title: String
  /// The paper or repository that defines the model.
  package let source: String?
  /// The named extents: widths, grid sizes, heads.
  package let dimensions: [(name: String, extent: Int)]
  package let modules: TorchModule?
  /// The worlds of the rules' sources and targets.
  package let sides: Sides
  /// Whether the document converts from its rules' targets to their sources: rules are written in one
  /// direction, and read in either.
  package let isReversed: Bool
  package let rules: [MappingRule]

  /// The version of the file format this tool reads.
  package static let schemaVersion = 1

  /// Parses a document.
  ///
  /// - Throws: `CheckpointError` with the place of the mistake.
  package init(json bytes: [UInt8]) throws {
    let value: JSONValue
    do {
      value = try JSONParser.parse(bytes)
    } catch {
      throw CheckpointError("not a JSON document: \(error)")
    }
    let root = DocumentNode(value)
    let members = try root.members(
      known: [
        "$schema", "schema_version", "name", "title", "source", "dimensions", "sides", "reversed",
        "layouts", "modules", "rules",
      ])
    let version = try members.require("schema_version", of: root).int()
    guard version == Self.schemaVersion else {
      throw CheckpointError(
        "schema_version \(version) is not known (this tool reads \(Self.schemaVersion))",
        advice: "a newer savi-ckpt may read it")
    }
    name = try members.require("name", of: root).string()
    title = try members.require("title", of: root).string()
    source = try members["source"]?.string()
    dimensions = try (members["dimensions"]?.namedMembers() ?? []).map {
      (name: $0.name, extent: try $0.node.extent([:]))
    }
    let extents = Dictionary(
      dimensions.map { ($0.name, $0.extent) }, uniquingKeysWith: { first, _ in first })
    sides = try members["sides"].map { try Sides($0) } ?? Sides.flaxToTorch
    isReversed = try members["reversed"]?.bool() ?? false
    modules = try members["modules"].map { try TorchModule($0, extents) }
    let own = try (members["layouts"]?.items() ?? []).map {
      try NamedLayout($0, dimensions: extents)
    }
    let parser = MappingRuleParser(
      dimensions: extents,
      layouts: Dictionary(
        (NamedLayout.builtIn + own).map { ($0.name, $0) }, uniquingKeysWith: { $1 }))
    rules = try members.require("rules", of: root).items().enumerated().map {
      try parser.rule($1, number: $0 + 1)
    }
  }
}

extension ModelDocument {
  /// What the two sides of a mapping are called: `flax`, `torch`, `keras`, or any names.
  package struct Sides: Sendable, Equatable {
    package let source: String
    package let target: String

    static let flaxToTorch = Sides(source: "flax", target: "torch")

    private init(source: String, target: String) {
      self.source = source
      self.target = target
    }

    init(_ node: DocumentNode) throws {
      let members = try node.members(known: ["source", "target"])
      source = try members.require("source", of: node).string()
      target = try members.require("target", of: node).string()
    }

    /// How people write a side: `Flax`, `PyTorch`.
    package static func title(_ side: String) -> String {
      switch side {
      case "flax": "Flax"
      case "torch": "PyTorch"
      case "keras": "Keras"
      default: side
      }
    }
  }

  /// The questions that a draft leaves open.
  package var openQuestions: [MappingRule] { rules.filter { $0.question != nil } }
}
