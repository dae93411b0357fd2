import CheckpointCore

/// The members of a numbered family.
enum RuleExpansion {
  typealias Bindings = [String: Int]

  /// More instances than any model has layers: a range in a document must not exhaust memory.
  private static let maximumInstances = 100_000

  /// The values that the rule's ranges give; variables without a range have none.
  static func ranged(_ rule: MappingRule) throws -> [Bindings] {
    var result: [Bindings] = [[:]]
    for (variable, bounds) in rule.ranges {
      let width = bounds.upperBound - bounds.lowerBound
      guard width < maximumInstances, (width + 1) * result.count <= maximumInstances else {
        throw rule.problem("its ranges give more than \(maximumInstances) tensors")
      }
      result = with(variable, bounds, result)
    }
    return result
  }

  /// The bindings with each of the values of one more variable.
  private static func with(
    _ variable: String, _ values: some Sequence<Int>, _ bindings: [Bindings]
  ) -> [Bindings] {
    values.flatMap { value in bindings.map { $0.merging([variable: value]) { $1 } } }
  }

  /// In the order of the variables' numbers.
  private static func sorted(_ bindings: some Sequence<Bindings>, by order: [String]) -> [Bindings]
  {
    bindings.sorted { a, b in
      order.map { a[$0] ?? 0 }.lexicographicallyPrecedes(order.map { b[$0] ?? 0 })
    }
  }

  /// Whether the file tells the members of the rule: where numbers are left to it, or tensors may be
  /// absent.
  static func isOpen(_ rule: MappingRule) -> Bool {
    if case .tensors(let tensors) = rule.action, tensors.isPartial { return true }
    return rule.action.variables.contains { name in !rule.ranges.contains { $0.variable == name } }
  }

  /// The members that occur in a file: those of which it has a tensor.
  ///
  /// - Returns: in the order of their numbers.
  static func members(_ rule: MappingRule, in file: FileNames) throws -> [Bindings] {
    // A range that is too long is refused, whoever tells the members.
    _ = try ranged(rule)
    let patterns = file.side == .source ? rule.action.sources : rule.action.targets
    var found: Set<Bindings> = []
    if rule.action.variables.contains(where: { name in
      patterns.contains { $0.variables.contains(name) }
    }) {
      found = Set(
        patterns.flatMap(file.matches).filter { bindings in
          rule.ranges.allSatisfy { bindings[$0.variable].map($0.bounds.contains) ?? true }
        })
    } else if case .tensors(let tensors) = rule.action, tensors.isPartial,
      patterns.allSatisfy({ file.matches($0).isEmpty })
    {
      found = []
    } else {
      found = [[:]]
    }
    let complete = found.flatMap { withTaken($0, rule, file) }
    for bindings in complete {
      if let open = rule.action.variables.first(where: { bindings[$0] == nil }) {
        throw rule.problem(
          "the numbers of '{\(open)}' follow from no name of the file",
          advice: "add a \"range\" for it")
      }
    }
    guard complete.count <= maximumInstances else {
      throw rule.problem("it stands for more than \(maximumInstances) tensors")
    }
    return sorted(complete, by: rule.action.variables)
  }

  /// The same with every index along an axis that the source's shape has.
  private static func withTaken(
    _ bindings: Bindings, _ rule: MappingRule, _ file: FileNames
  ) -> [Bindings] {
    guard file.side == .source, case .tensors(let tensors) = rule.action else { return [bindings] }
    var result = [bindings]
    for (axis, index) in tensors.layout.layout.at.sorted(by: { $0.key < $1.key }) {
      guard let variable = index.variable, bindings[variable] == nil,
        let extent = extent(of: axis, tensors, bindings, file)
      else { continue }
      result = with(variable, (0..<extent).compactMap(index.solve), result)
    }
    return result
  }

  /// How long an axis of the left side, a dimension of its own, is in the file.
  private static func extent(
    of axis: String, _ rule: MappingRule.Tensors, _ bindings: Bindings, _ file: FileNames
  ) -> Int? {
    var side = rule.layout.layout.formula.left
    if rule.layout.layout.stacksSources(rule.sources.count), !side.isEmpty { side.removeFirst() }
    guard let position = side.firstIndex(of: .axes([axis])),
      let shape = rule.sources.lazy.compactMap({ $0.name(bindings) }).compactMap({ file.shapes[$0] }
      )
      .first
    else { return nil }
    let isBehindEllipsis = side[..<position].contains(.ellipsis)
    let index = isBehindEllipsis ? shape.rank - (side.count - position) : position
    return shape.dimensions.indices.contains(index) ? shape.dimensions[index] : nil
  }

  /// The members of a rule without a source: wherever its module, or what holds its numbers, exists
  /// among the targets that other rules make.
  static func members(_ rule: MappingRule, beside targets: [TensorName]) throws -> [Bindings] {
    guard let pattern = rule.action.targets.first else { return [] }
    let modules = Set(targets.flatMap(parents))
    for parent in parents(of: pattern) {
      let found = Set(modules.compactMap { parent.match($0) })
      guard found.isEmpty else { return sorted(found, by: pattern.variables) }
    }
    return []
  }

  /// The paths above a name: `a` and `a.b` of `a.b.c`.
  private static func parents(_ name: TensorName) -> [TensorName] { name.groups.map(\.group) }

  /// The pattern cut behind each separator, the longest first, as long as it has all its variables.
  private static func parents(of pattern: NamePattern) -> [NamePattern] {
    var result: [NamePattern] = []
    for (position, part) in pattern.parts.enumerated().reversed() {
      guard case .text(let text) = part else { continue }
      for index in text.indices.reversed() where text[index] == "." || text[index] == "/" {
        let cut = NamePattern(
          parts: pattern.parts[..<position]
            + (index == text.startIndex ? [] : [.text(String(text[..<index]))]))
        guard cut.variables.count == pattern.variables.count else { return result }
        result.append(cut)
      }
    }
    return result
  }
}
