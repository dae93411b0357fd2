import CheckpointCore

/// A layout under a name: the role of a tensor in its layer. `schemas/layouts.json` holds those that
/// every document may use; a document may add its own.
package struct NamedLayout: Sendable {
  /// A layout that is taken for this one by mistake, and how to say so of a tensor.
  struct Confusion: Sendable {
    let layout: Layout
    /// Follows the tensor's name.
    let phrase: String
  }

  package let name: String
  package internal(set) var layout: Layout
  /// What the places along an axis are called.
  struct Labels: Sendable {
    /// All of them, as a plural: `gates`.
    let kind: String
    let places: [String]
  }
  let labels: [String: Labels]
  let confusions: [Confusion]
  package let comment: String?

  /// What a tensor that is copied has as its role.
  package static let copyName = "copy"
  static let copy = NamedLayout(layout: .copy)

  /// A layout without a name.
  init(layout: Layout) {
    name = ""
    self.layout = layout
    labels = [:]
    confusions = []
    comment = nil
  }

  /// What a tensor of this layout is to its layer, for a listing: the name, or what stands for one.
  package var title: String {
    name.isEmpty ? layout.isCopy ? Self.copyName : ConversionPlan.layoutRole : name
  }
}

extension NamedLayout {
  private static let layoutKeys = ["layout", "flip", "sizes", "fill", "order", "values"]

  init(_ node: DocumentNode, dimensions: [String: Int]) throws {
    let members = try node.members(
      known: Self.layoutKeys + ["name", "labels", "confusions", "comment"])
    name = try members.require("name", of: node).string()
    layout = try Layout(members, node, dimensions: dimensions)
    labels = Dictionary(
      try (members["labels"]?.namedMembers() ?? []).map { axis, node in
        let members = try node.members(known: ["of", "places"])
        return (
          axis,
          Labels(
            kind: try members.require("of", of: node).string(),
            places: try members.require("places", of: node).items().map { try $0.string() })
        )
      }, uniquingKeysWith: { first, _ in first })
    confusions = try (members["confusions"]?.items() ?? []).map { node in
      let members = try node.members(known: Self.layoutKeys + ["phrase"])
      return Confusion(
        layout: try Layout(members, node, dimensions: dimensions),
        phrase: try members.require("phrase", of: node).string())
    }
    comment = try members["comment"]?.string()
  }

  /// The layouts that the tool carries, by name, in the file's order.
  package static let builtIn: [NamedLayout] = {
    do {
      let root = DocumentNode(try JSONParser.parse(PackageResources.layouts_json))
      return try root.members(known: ["$schema", "schema_version", "layouts"])
        .require("layouts", of: root).items().map { try NamedLayout($0, dimensions: [:]) }
    } catch {
      // The file is part of the program, and a test reads it.
      preconditionFailure("schemas/layouts.json: \(error)")
    }
  }()
}

extension Layout {
  /// The layout that the keys of a rule, or of a named layout, spell out.
  init(
    _ members: [String: DocumentNode], _ node: DocumentNode, dimensions: [String: Int]
  ) throws {
    let text = try members.require("layout", of: node)
    let formula: LayoutFormula
    do {
      formula = try LayoutFormula(try text.string())
    } catch let error as CheckpointError {
      throw text.problem("'\(error.entry ?? "")': \(error.message)", advice: error.advice)
    }
    self.init(
      formula, flip: try (members["flip"]?.items() ?? []).map { try $0.string() },
      at: try Self.indices(members["at"]), sizes: try Self.sizes(members["sizes"], dimensions),
      fill: try members["fill"].map { try Fill($0) }, order: try Self.orders(members["order"]),
      operation: try members["values"].map { try ValueOperation(try $0.string()) })
  }

  static func indices(_ node: DocumentNode?) throws -> [String: IndexExpression] {
    Dictionary(
      try (node?.namedMembers() ?? []).map { axis, node in
        if case .int(let number) = node.value {
          return (axis, IndexExpression(variable: nil, offset: number))
        }
        let text = try node.string()
        guard text.hasPrefix("{"), text.hasSuffix("}"),
          let index = IndexExpression(braced: text.dropFirst().dropLast())
        else { throw node.problem("'\(text)' is no index: write a number, or {n}") }
        return (axis, index)
      }, uniquingKeysWith: { first, _ in first })
  }

  static func orders(_ node: DocumentNode?) throws -> [String: [Int]] {
    Dictionary(
      try (node?.namedMembers() ?? []).map { axis, node in
        (axis, try node.items().map { try $0.int() })
      }, uniquingKeysWith: { first, _ in first })
  }

  static func sizes(
    _ node: DocumentNode?, _ dimensions: [String: Int]
  ) throws -> [String: Extent] {
    Dictionary(
      try (node?.namedMembers() ?? []).map { axis, node in
        guard case .object = node.value else { return (axis, .number(try node.extent(dimensions))) }
        let members = try node.members(known: ["of", "axis"])
        return (
          axis,
          .sibling(
            try NamePattern(try members.require("of", of: node).string()),
            axis: try members.require("axis", of: node).int())
        )
      }, uniquingKeysWith: { first, _ in first })
  }
}

extension Layout.Fill {
  init(_ node: DocumentNode) throws {
    let members = try node.namedMembers()
    guard let member = members.first, members.count == 1 else {
      throw node.problem("one axis and its empty places expected: {\"g\": [0, 1]}")
    }
    axis = member.name
    positions = try member.node.items().map { try $0.int() }.sorted()
  }
}
