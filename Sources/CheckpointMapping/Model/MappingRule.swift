public import CheckpointCore

/// A line of a mapping: how one PyTorch tensor, or a numbered family of them, comes about.
public struct MappingRule: Sendable {
  public enum Action: Sendable {
    /// `target` is made from `sources`, which have `role`.
    case tensor(target: TensorName, sources: [TensorName], role: Role, heads: Int?)
    /// The tensors at and below `name` are those at and below `of`, under a second name.
    case alias(name: TensorName, of: TensorName)
    /// The Flax tensors at and below `name` have no counterpart.
    case drop(name: TensorName)
    /// `target` has no source: every element is `value`.
    case constant(target: TensorName, shape: Shape, dtype: DType, value: Double)
  }

  public let action: Action
  /// The values each `{variable}` in the names takes; bounds included.
  public let ranges: [(variable: String, bounds: ClosedRange<Int>)]
  /// Why, for a reader.
  public let comment: String?
  /// Its position in the document, counted from 1.
  public let number: Int

  /// More instances than any model has layers: a range in a document must not exhaust memory.
  private static let maximumInstances = 100_000

  /// A constant is a bias or a scale, not a gigabyte.
  private static let maximumConstantCount = 1 << 28

  /// The rule's instances with every `{variable}` replaced.
  func expanded() throws -> [Action] {
    var actions = [action]
    for (variable, bounds) in ranges {
      let (width, isWide) = bounds.upperBound.subtractingReportingOverflow(bounds.lowerBound)
      guard !isWide, width < Self.maximumInstances,
        (width + 1) * actions.count <= Self.maximumInstances
      else { throw problem("its ranges give more than \(Self.maximumInstances) tensors") }
      actions = bounds.flatMap { index in
        actions.map { $0.substituting("{\(variable)}", with: String(index)) }
      }
    }
    if let left = actions.lazy.flatMap(\.names).first(where: { $0.utf8.contains(UInt8(ascii: "{")) }
    ) {
      throw problem("'\(left)' has a variable without a range", advice: "add it to \"range\"")
    }
    return actions
  }

  func problem(_ message: String, advice: String? = nil) -> CheckpointError {
    CheckpointError(entry: "rule \(number)", message, advice: advice)
  }
}

extension MappingRule.Action {
  var names: [TensorName] {
    switch self {
    case .tensor(let target, let sources, _, _): [target] + sources
    case .alias(let name, let of): [name, of]
    case .drop(let name): [name]
    case .constant(let target, _, _, _): [target]
    }
  }

  fileprivate func substituting(_ variable: String, with value: String) -> Self {
    func replace(_ name: TensorName) -> TensorName {
      var result = ""
      var rest = Substring(name.text)
      while let found = rest.firstRange(of: variable) {
        result += rest[..<found.lowerBound] + value
        rest = rest[found.upperBound...]
      }
      return TensorName(result + rest)
    }
    switch self {
    case .tensor(let target, let sources, let role, let heads):
      return .tensor(
        target: replace(target), sources: sources.map(replace), role: role, heads: heads)
    case .alias(let name, let of): return .alias(name: replace(name), of: replace(of))
    case .drop(let name): return .drop(name: replace(name))
    case .constant(let target, let shape, let dtype, let value):
      return .constant(target: replace(target), shape: shape, dtype: dtype, value: value)
    }
  }
}

extension MappingRule {
  init(_ node: DocumentNode, number: Int, dimensions: [String: Int]) throws {
    let members = try node.members(
      known: [
        "target", "source", "sources", "role", "heads", "range", "alias", "of", "drop",
        "constant", "shape", "dtype", "value", "comment",
      ])
    self.number = number
    comment = try members["comment"]?.string()
    ranges = try (members["range"]?.namedMembers() ?? []).map { name, node in
      let bounds = try node.items().map { try $0.int() }
      guard bounds.count == 2, bounds[0] <= bounds[1] else {
        throw node.problem("two integers, first and last, expected")
      }
      return (name, bounds[0]...bounds[1])
    }
    action = try Self.action(members, node, dimensions)
  }

  private static func action(
    _ members: [String: DocumentNode], _ node: DocumentNode, _ dimensions: [String: Int]
  ) throws -> Action {
    let kinds = ["target", "alias", "drop", "constant"].filter { members[$0] != nil }
    guard kinds.count == 1 else {
      throw node.problem(
        kinds.isEmpty
          ? "one of 'target', 'alias', 'drop' and 'constant' is missing"
          : "\(kinds.map { "'\($0)'" }.joined(separator: " and ")) exclude each other")
    }
    let allowed: [String: Set<String>] = [
      "target": ["target", "source", "sources", "role", "heads"], "alias": ["alias", "of"],
      "drop": ["drop"], "constant": ["constant", "shape", "dtype", "value"],
    ]
    let extra = Set(members.keys).subtracting(["range", "comment"])
      .subtracting(allowed[kinds[0]] ?? []).sorted()
    guard extra.isEmpty else {
      throw node.problem("a rule with '\(kinds[0])' takes no '\(extra[0])'")
    }
    guard members["source"] == nil || members["sources"] == nil else {
      throw node.problem("'source' and 'sources' exclude each other")
    }
    if let alias = members["alias"] {
      return .alias(name: try alias.name(), of: try members.require("of", of: node).name())
    }
    if let drop = members["drop"] { return .drop(name: try drop.name()) }
    if let constant = members["constant"] {
      let dtypeNode = try members.require("dtype", of: node)
      let shapeNode = try members.require("shape", of: node)
      guard let dtype = DType(rawValue: try dtypeNode.string()),
        dtype == .float32 || dtype == .float64
      else { throw dtypeNode.problem("float32 or float64 expected") }
      guard let shape = Shape(try shapeNode.extents(dimensions)) else {
        throw shapeNode.problem("not a shape")
      }
      let value = try members.require("value", of: node).double()
      guard shape.count <= maximumConstantCount,
        dtype == .float64 || Float(value).isFinite == value.isFinite
      else {
        throw node.problem(
          shape.count > maximumConstantCount
            ? "a constant of \(shape.count) elements" : "\(value) does not fit float32")
      }
      return .constant(
        target: try constant.name(), shape: shape, dtype: dtype,
        value: value)
    }
    let roleNode = try members.require("role", of: node)
    let roleName = try roleNode.string()
    guard let role = Role(rawValue: roleName) else {
      throw roleNode.problem(
        "'\(roleName)' is not a role",
        advice: suggestion(for: roleName, among: Role.allCases.map(\.rawValue))
          ?? "the roles are \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let sources =
      try members["sources"]?.items().map { try $0.name() }
      ?? [try members.require("source", of: node).name()]
    guard sources.count == role.sourceCount else {
      throw node.problem("\(roleName) takes \(role.sourceCount) sources, \(sources.count) given")
    }
    let heads = try members["heads"]?.extent(dimensions)
    guard role.needsHeads == (heads != nil) else {
      throw node.problem(
        role.needsHeads ? "\(roleName) needs 'heads'" : "\(roleName) takes no 'heads'")
    }
    return .tensor(
      target: try members.require("target", of: node).name(), sources: sources, role: role,
      heads: heads)
  }
}
