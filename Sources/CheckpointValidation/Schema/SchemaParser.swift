import CheckpointCore
package import CheckpointMapping

extension CheckpointSchema {
  /// Parses a YAML or JSON document.
  ///
  /// - Parameter loadModel: gives the model document that a schema names.
  /// - Throws: `CheckpointError` with the line and column of the mistake.
  package init(
    _ bytes: [UInt8], loadModel: (String) throws -> ModelDocument
  ) throws {
    let root = try DocumentReader.read(bytes)
    let members = try root.members(
      known: [
        "$schema", "schema_version", "name", "title", "model", "layout", "world", "dimensions",
        "defaults", "tensors",
      ])
    let versionNode = try members.require("schema_version", of: root)
    let version = try versionNode.int()
    guard version == Self.schemaVersion else {
      throw versionNode.problem(
        "schema_version \(version) is not known (this tool reads \(Self.schemaVersion))",
        advice: "a newer savi-ckpt may read it")
    }
    let model = try members["model"].map { node in
      do {
        return try loadModel(try node.string())
      } catch let error as CheckpointError where error.kind == .usage {
        throw node.problem(error.message, advice: error.advice)
      }
    }
    let entries = try (members["tensors"]?.items() ?? []).map(SchemaEntry.init)
    // Before the ranges are spelt out.
    let names = entries.reduce(0) { $0 + ($1.range?.count ?? 1) }
    guard names <= SchemaEntry.maximumRange else {
      throw root.problem(
        "the ranges of this schema stand for \(names) tensors, more than any model has")
    }
    guard model != nil || !entries.isEmpty else {
      throw root.problem(
        "this schema names no tensor", advice: "list them under 'tensors', or name a 'model'")
    }
    self.init(
      name: try members.require("name", of: root).string(),
      title: try members["title"]?.string(),
      model: model,
      layout: try members["layout"].map { try Self.choice($0, Layout.self) } ?? .torch,
      isClosed: try members["world"].map { try Self.choice($0, World.self) } ?? .closed == .closed,
      dimensions: Dictionary(
        try (members["dimensions"]?.namedMembers() ?? []).map { name, node in
          let extent = try node.int()
          guard extent >= 0 else { throw node.problem("\(extent) is not an extent") }
          return (name, extent)
        },
        uniquingKeysWith: { first, _ in first }),
      defaults: try members["defaults"].map { node in
        try TensorConstraints(node, try node.members(known: TensorConstraints.keys))
      } ?? TensorConstraints(),
      entries: entries)
  }

  private enum World: String, CaseIterable { case closed, open }

  private static func choice<Choice: RawRepresentable & CaseIterable>(
    _ node: DocumentNode, _: Choice.Type
  ) throws -> Choice where Choice.RawValue == String {
    let text = try node.string()
    guard let choice = Choice(rawValue: text) else {
      throw node.problem(
        "'\(text)' is not one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return choice
  }
}

extension SchemaEntry {
  fileprivate init(_ node: DocumentNode) throws {
    let own = ["name", "range", "count", "required", "shape", "alias_of"]
    let members = try node.members(known: own + TensorConstraints.keys)
    let nameNode = try members.require("name", of: node)
    let pattern: NamePattern
    do {
      pattern = try NamePattern(try nameNode.string())
    } catch let error as NamePattern.Malformed {
      throw nameNode.problem(error.message)
    }
    let range = try members["range"].map(Self.closedRange)
    if let range, pattern.variables.count != 1 {
      throw (members["range"] ?? node).problem(
        "the range \(range.lowerBound) to \(range.upperBound) needs exactly one variable in the "
          + "name, \(pattern.variables.count) found")
    }
    let constraints = try TensorConstraints(node, members)
    if let centroids = constraints.centroids, let range, centroids.count != range.count {
      throw (members["centroid"] ?? node).problem(
        "\(range.count) centroids expected, one per number of the range, \(centroids.count) found")
    }
    if constraints.sha256 != nil, !pattern.isExact {
      throw (members["sha256"] ?? node).problem("a hash is of one tensor, not of a pattern")
    }
    self.init(
      pattern: pattern, range: range, count: try members["count"].map(Self.count),
      isRequired: try members["required"]?.bool() ?? true,
      shape: try members["shape"].map { try $0.items().map(Self.extent) },
      constraints: constraints, aliasOf: try members["alias_of"]?.name(),
      position: node.position)
  }

  private static func extent(_ node: DocumentNode) throws -> Extent {
    switch node.value {
    case .null: return .any
    case .string(let name): return .named(name)
    default:
      let extent = try node.int()
      guard extent >= 0 else { throw node.problem("\(extent) is not an extent") }
      return .fixed(extent)
    }
  }

  /// More tensors than any model has; keeps a mistyped range from filling the memory.
  fileprivate static let maximumRange = 1 << 20

  private static func closedRange(_ node: DocumentNode) throws -> ClosedRange<Int> {
    let bounds = try node.items().map { try $0.int() }
    guard bounds.count == 2, 0 <= bounds[0], bounds[0] <= bounds[1],
      bounds[1] - bounds[0] < maximumRange
    else {
      throw node.problem("the first and the last number of the range expected: [0, 3]")
    }
    return bounds[0]...bounds[1]
  }

  /// `4`, or `{min: 1, max: 8}`.
  private static func count(_ node: DocumentNode) throws -> ClosedRange<Int> {
    if case .int(let exact) = node.value {
      guard exact >= 0 else { throw node.problem("\(exact) is not a count") }
      return exact...exact
    }
    let members = try node.members(known: ["min", "max"])
    let (low, high) = (try members["min"]?.int() ?? 0, try members["max"]?.int() ?? .max)
    guard 0 <= low, low <= high else { throw node.problem("min must not exceed max") }
    return low...high
  }
}

extension TensorConstraints {
  static let keys = [
    "dtype", "constant", "finite", "mean", "std", "abs_max", "zero_fraction", "equals",
    "duplicates", "sha256", "centroid",
  ]

  fileprivate init(_ node: DocumentNode, _ members: [String: DocumentNode]) throws {
    self.init()
    dtypes = try members["dtype"].map { node in
      if case .string = node.value { return [try Self.dtype(node)] }
      let dtypes = try node.items().map(Self.dtype)
      guard !dtypes.isEmpty else { throw node.problem("a dtype expected") }
      return dtypes
    }
    constant = try members["constant"]?.double()
    isFinite = try members["finite"]?.bool()
    mean = try members["mean"].map(Bounds.init)
    std = try members["std"].map(Bounds.init)
    absMax = try members["abs_max"].map(Bounds.init)
    zeroFraction = try members["zero_fraction"].map(Bounds.init)
    equals = try members["equals"]?.name()
    allowsDuplicates = try members["duplicates"].map { node in
      switch try node.string() {
      case "allow": return true
      case "forbid": return false
      case let other: throw node.problem("'\(other)' is not one of allow, forbid")
      }
    }
    sha256 = try members["sha256"].map { node in
      let text = try node.string()
      guard text.utf8.count == 64, text.allSatisfy({ $0.isHexDigit && !$0.isUppercase }) else {
        throw node.problem("64 hexadecimal digits expected")
      }
      return text
    }
    centroids = try members["centroid"].map { node in
      let items = try node.items()
      // One list for one tensor, or a list of lists.
      guard case .array? = items.first?.value else { return [try items.map { try $0.double() }] }
      return try items.map { try $0.items().map { try $0.double() } }
    }
  }

  private static func dtype(_ node: DocumentNode) throws -> DType {
    let name = try node.string()
    guard let dtype = DType(rawValue: name) else {
      throw node.problem(
        "'\(name)' is not a dtype",
        advice: suggestion(for: name, among: DType.allCases.map(\.rawValue))
          ?? "the dtypes are \(DType.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return dtype
  }
}

extension Bounds {
  fileprivate init(_ node: DocumentNode) throws {
    let members = try node.members(known: ["min", "max"])
    self.init(minimum: try members["min"]?.double(), maximum: try members["max"]?.double())
    guard minimum != nil || maximum != nil else { throw node.problem("'min' or 'max' expected") }
    if let minimum, let maximum, minimum > maximum {
      throw node.problem("min \(minimum) exceeds max \(maximum)")
    }
  }
}
