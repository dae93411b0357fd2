import CheckpointCore

/// Reads a rule of a model document.
struct MappingRuleParser {
  /// The extents that the document names.
  let dimensions: [String: Int]
  let layouts: [String: NamedLayout]

  /// For rules of no document: the layouts that the tool carries, and no named extents.
  static let plain = MappingRuleParser(
    dimensions: [:],
    layouts: Dictionary(
      NamedLayout.builtIn.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }))

  /// A constant is a bias or a scale, not a gigabyte.
  private static let maximumConstantCount = 1 << 28

  private static let layoutKeys = [
    "role", "layout", "heads", "flip", "at", "sizes", "fill", "order", "values", "partial",
  ]
  private static let draftKeys = ["evidence", "confirm", "alternatives", "comment", "range"]
  /// By the key that tells the kind of a rule, the keys that it takes.
  private static let keysOfKind: [(kind: String, keys: [String])] = [
    ("target", ["target", "source", "sources"] + layoutKeys + ["from_template"]),
    ("targets", ["targets", "source", "sources"] + layoutKeys),
    ("alias", ["alias", "of"]),
    ("drop", ["drop"]),
    ("constant", ["constant", "shape", "like", "dtype", "value"]),
  ]

  func rule(_ node: DocumentNode, number: Int) throws -> MappingRule {
    var known: [String] = []
    for key in Self.keysOfKind.flatMap(\.keys) + Self.draftKeys where !known.contains(key) {
      known.append(key)
    }
    let members = try node.members(known: known)
    let ranges = try (members["range"]?.namedMembers() ?? []).map { name, node in
      let bounds = try node.extents(dimensions)
      guard bounds.count == 2, bounds[0] <= bounds[1], bounds[0] >= 0 else {
        throw node.problem("two integers, first and last, expected")
      }
      return (variable: name, bounds: bounds[0]...bounds[1])
    }
    return MappingRule(
      action: try action(members, node), ranges: ranges, comment: try members["comment"]?.string(),
      evidence: try members["evidence"]?.string(), question: try question(members),
      number: number)
  }

  private func question(_ members: [String: DocumentNode]) throws -> MappingRule.Question? {
    guard let confirm = members["confirm"] else { return nil }
    return MappingRule.Question(
      text: try confirm.string(),
      alternatives: try (members["alternatives"]?.items() ?? []).map { node in
        _ = try node.namedMembers()
        return node.value
      })
  }

  private func action(
    _ members: [String: DocumentNode], _ node: DocumentNode
  ) throws -> MappingRule.Action {
    let kinds = Self.keysOfKind.filter { members[$0.kind] != nil }
    guard let kind = kinds.first, kinds.count == 1 else {
      throw node.problem(
        kinds.isEmpty
          ? "one of 'target', 'targets', 'alias', 'drop' and 'constant' is missing"
          : "\(kinds.map { "'\($0.kind)'" }.joined(separator: " and ")) exclude each other")
    }
    let extra = Set(members.keys).subtracting(kind.keys + Self.draftKeys).sorted()
    guard extra.isEmpty else {
      throw node.problem("a rule with '\(kind.kind)' takes no '\(extra[0])'")
    }
    switch kind.kind {
    case "alias":
      return .alias(
        name: try pattern(try members.require("alias", of: node)),
        of: try pattern(try members.require("of", of: node)))
    case "drop": return .drop(name: try pattern(try members.require("drop", of: node)))
    case "constant": return .constant(try constant(members, node))
    default: break
    }
    if let template = members["from_template"] {
      guard try template.bool(),
        Set(members.keys).isSubset(of: ["target", "from_template"] + Self.draftKeys)
      else { throw template.problem("'from_template' is true, and takes no source and no layout") }
      return .template(try pattern(try members.require("target", of: node)))
    }
    return .tensors(try tensors(members, node))
  }

  private func pattern(_ node: DocumentNode) throws -> NamePattern {
    do {
      return try NamePattern(try node.string())
    } catch let error as CheckpointError where error.entry != node.path {
      throw node.problem(error.message, advice: error.advice)
    }
  }

  private func tensors(
    _ members: [String: DocumentNode], _ node: DocumentNode
  ) throws -> MappingRule.Tensors {
    guard members["source"] == nil || members["sources"] == nil else {
      throw node.problem("'source' and 'sources' exclude each other")
    }
    let sources =
      try members["sources"]?.items().map(pattern)
      ?? [try pattern(try members.require("source", of: node))]
    let targets =
      try members["targets"]?.items().map(pattern)
      ?? [try pattern(try members.require("target", of: node))]
    guard !sources.isEmpty, !targets.isEmpty else {
      throw node.problem("a rule has a source and a target at least")
    }
    let layout = try layout(members, node)
    if let problem = layout.layout.problem(sources: sources.count, targets: targets.count) {
      throw node.problem(
        "\(layout.name.isEmpty ? layout.layout.description : layout.name): \(problem)")
    }
    return MappingRule.Tensors(
      targets: targets, sources: sources, layout: layout,
      isPartial: try members["partial"]?.bool() ?? false)
  }

  /// The layout that an alternative of a question says.
  func layout(_ node: DocumentNode) throws -> NamedLayout {
    try layout(try node.members(known: Self.layoutKeys), node)
  }

  /// A named layout or a formula, with what the rule adds to it.
  private func layout(
    _ members: [String: DocumentNode], _ node: DocumentNode
  ) throws -> NamedLayout {
    guard let named = members["role"] ?? members["layout"],
      members["role"] == nil || members["layout"] == nil
    else {
      throw node.problem(
        members["role"] == nil
          ? "the key 'layout' is missing" : "'role' and 'layout' exclude each other")
    }
    let text = try named.string()
    var base: NamedLayout
    if members["role"] == nil, text.contains("->") {
      base = NamedLayout(layout: try Layout(members, node, dimensions: dimensions))
    } else {
      guard let known = layouts[text] else {
        throw named.problem(
          "'\(text)' is not \(members["role"] == nil ? "the name of a layout" : "a role")",
          advice: suggestion(for: text, among: layouts.keys.sorted())
            ?? "write a formula such as i o -> o i, or one of \(layouts.keys.sorted().joined(separator: ", "))"
        )
      }
      base = known
      base.layout.at = try Layout.indices(members["at"])
      base.layout.sizes.merge(try Layout.sizes(members["sizes"], dimensions)) { $1 }
      if let flip = members["flip"] { base.layout.flip = try flip.items().map { try $0.string() } }
      if let fill = members["fill"] { base.layout.fill = try Layout.Fill(fill) }
      if let order = members["order"] { base.layout.order = try Layout.orders(order) }
      if let values = members["values"] {
        base.layout.operation = try ValueOperation(try values.string())
      }
    }
    guard let heads = members["heads"] else { return base }
    guard LayoutFormula.axes(of: base.layout.formula.left).contains(Self.headsAxis) else {
      throw heads.problem(
        "'heads' is the size of the axis '\(Self.headsAxis)', which \(text) has not")
    }
    base.layout.sizes[Self.headsAxis] = .number(try heads.extent(dimensions))
    return base
  }

  /// The axis whose size `heads` is.
  private static let headsAxis = "h"

  private func constant(
    _ members: [String: DocumentNode], _ node: DocumentNode
  ) throws -> MappingRule.Constant {
    let dtypeNode = try members.require("dtype", of: node)
    guard let dtype = DType(rawValue: try dtypeNode.string()),
      dtype.isInteger || ElementCast.targets.contains(dtype)
    else { throw dtypeNode.problem("the name of an integer or floating-point dtype expected") }
    guard (members["shape"] == nil) != (members["like"] == nil) else {
      throw node.problem("a constant has either a 'shape' or the shape of another target, 'like'")
    }
    let extents: MappingRule.Constant.Extents
    if let like = members["like"] {
      extents = .like(try pattern(like))
    } else {
      let shapeNode = try members.require("shape", of: node)
      guard let shape = Shape(try shapeNode.extents(dimensions)) else {
        throw shapeNode.problem("not a shape")
      }
      guard shape.count <= Self.maximumConstantCount else {
        throw shapeNode.problem("a constant of \(shape.count) elements")
      }
      extents = .shape(shape)
    }
    let valueNode = try members.require("value", of: node)
    let value: MappingRule.Constant.Value =
      valueNode.value == .string("range") ? .range : .number(try valueNode.double())
    if case .number(let number) = value, !dtype.holds(number) {
      throw valueNode.problem("\(number) does not fit \(dtype)")
    }
    return MappingRule.Constant(
      target: try pattern(try members.require("constant", of: node)), extents: extents,
      dtype: dtype, value: value)
  }
}

extension DType {
  /// Whether a constant of this type can be `number`: an integer exactly, others without overflow.
  fileprivate func holds(_ number: Double) -> Bool {
    guard isInteger else {
      var overflows = 0
      var bytes: [UInt8] = []
      overflows = ElementCast.encode([number], as: self, into: &bytes)
      return overflows == 0
    }
    let bits = 8 * itemSize
    let isSigned = rawValue.hasPrefix("int")
    let limit = Double(sign: .plus, exponent: isSigned ? bits - 1 : bits, significand: 1)
    return number == number.rounded() && number < limit && number >= (isSigned ? -limit : 0)
  }
}
