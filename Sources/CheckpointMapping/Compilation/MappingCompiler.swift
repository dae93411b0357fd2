import CheckpointCore

/// Expands the rules of a document and checks them against one another and against its module tree.
struct MappingCompiler {
  private let model: ModelDocument
  private let file: FileNames?
  private(set) var mapping: CompiledMapping
  private(set) var findings: [MappingLint.Finding] = []
  private(set) var gaps = FamilyGaps()
  private var aliasRules: [CompiledMapping.Alias] = []
  private var targetRules: [TensorName: Int] = [:]
  /// By source name, the rules and the part of the tensor that each takes.
  private var sourceRules: [TensorName: [(rule: Int, at: [String: Int])]] = [:]

  init(model: ModelDocument, file: FileNames?) {
    self.model = model
    self.file = file
    mapping = CompiledMapping(model: model)
  }

  private mutating func report(
    _ severity: MappingLint.Severity, _ id: MappingLint.ID, _ subject: TensorName,
    _ message: String
  ) {
    findings.append(.init(severity: severity, id: id, subject: subject.text, message: message))
  }

  mutating func compile() throws {
    for rule in model.rules {
      if case .tensors(let tensors) = rule.action { try add(rule, tensors) }
    }
    for rule in model.rules { try addSourceless(rule) }
    checkDrops()
    if let modules = model.modules {
      try checkAgainstTree(try modules.stateDict())
    } else {
      expandAliasesAlone()
    }
  }

  /// The instances of a rule; `nil` where only a file could tell them and there is none.
  private mutating func members(_ rule: MappingRule) throws -> [RuleExpansion.Bindings]? {
    guard RuleExpansion.isOpen(rule) else { return try RuleExpansion.ranged(rule) }
    guard let file else {
      mapping.openRules.append(rule)
      return nil
    }
    let members = try RuleExpansion.members(rule, in: file)
    gaps.add(rule, file.side == .source ? rule.action.sources : rule.action.targets, members)
    return members
  }

  private mutating func add(_ rule: MappingRule, _ tensors: MappingRule.Tensors) throws {
    if let operation = tensors.layout.layout.operation, !operation.isExact {
      report(
        .warning, .notInvertible, TensorName(tensors.targets[0].description),
        "rule \(rule.number): the way back of '\(operation)' is '\(operation.inverse)', which rounds"
      )
    }
    for bindings in try members(rule) ?? [] {
      let targets = try names(tensors.targets, bindings, rule)
      let sources = try names(tensors.sources, bindings, rule)
      for target in targets { claim(target: target, rule.number) }
      let instance = CompiledMapping.Tensor(
        targets: targets, sources: sources, layout: tensors.layout, bindings: bindings, shapes: [],
        rule: rule.number)
      for source in sources { claim(source: source, instance.at, rule.number) }
      mapping.tensors.append(instance)
    }
  }

  private func names(
    _ patterns: [NamePattern], _ bindings: RuleExpansion.Bindings, _ rule: MappingRule
  ) throws -> [TensorName] {
    try patterns.map { pattern in
      guard let name = pattern.name(bindings) else {
        throw rule.problem("'\(pattern)' has a variable without a range, or a negative number")
      }
      return name
    }
  }

  /// Notes that `rule` makes `target`; overlapping rules are an error.
  private mutating func claim(target: TensorName, _ rule: Int) {
    if let other = targetRules.updateValue(rule, forKey: target) {
      report(.error, .overlap, target, "rules \(other) and \(rule) both make this tensor")
    }
  }

  /// Notes that `rule` takes `source`, or the part of it that `at` says.
  private mutating func claim(source: TensorName, _ at: [String: Int], _ rule: Int) {
    let others = sourceRules[source] ?? []
    if let other = others.first(where: { $0.at == at || $0.at.isEmpty || at.isEmpty }) {
      report(.error, .overlap, source, "rules \(other.rule) and \(rule) both consume this tensor")
    }
    sourceRules[source, default: []].append((rule, at))
  }

  private mutating func addSourceless(_ rule: MappingRule) throws {
    switch rule.action {
    case .tensors: break
    case .constant(let constant):
      for bindings in try besides(rule) {
        let target = try names([constant.target], bindings, rule)[0]
        claim(target: target, rule.number)
        var like: TensorName?
        if case .like(let pattern) = constant.extents { like = pattern.name(bindings) }
        mapping.constants.append(
          .init(target: target, content: constant, like: like, rule: rule.number))
      }
    case .template(let pattern):
      for bindings in try besides(rule) {
        let target = try names([pattern], bindings, rule)[0]
        claim(target: target, rule.number)
        mapping.templates.append(.init(target: target, rule: rule.number))
      }
    case .alias(let name, let of):
      for bindings in try RuleExpansion.ranged(rule) {
        let pair = try names([name, of], bindings, rule)
        aliasRules.append(.init(name: pair[0], of: pair[1], rule: rule.number))
      }
    case .drop(let name):
      for bindings in try RuleExpansion.ranged(rule) {
        mapping.drops.append((try names([name], bindings, rule)[0], rule.number))
      }
      report(
        .warning, .notInvertible, TensorName(name.description),
        "rule \(rule.number) is not invertible: what is dropped comes back from a template alone")
    }
  }

  /// The instances of a rule without a source.
  private mutating func besides(_ rule: MappingRule) throws -> [RuleExpansion.Bindings] {
    guard RuleExpansion.isOpen(rule) else { return try RuleExpansion.ranged(rule) }
    guard let file else {
      mapping.openRules.append(rule)
      return []
    }
    return file.side == .target
      ? try RuleExpansion.members(rule, in: file)
      : try RuleExpansion.members(rule, beside: mapping.tensors.flatMap(\.targets))
  }

  private mutating func checkDrops() {
    for (source, rules) in sourceRules.sorted(by: { $0.key < $1.key })
    where mapping.isDropped(source) {
      report(
        .error, .overlap, source, "a rule drops what rule \(rules.first?.rule ?? 0) consumes")
    }
  }
}

extension MappingCompiler {
  private mutating func expandAliasesAlone() {
    let expanded = expandAliases(among: mapping.targetNames)
    for alias in expanded { claim(target: alias.name, alias.rule) }
    if mapping.openRules.isEmpty {
      for rule in aliasRules where !expanded.contains(where: { $0.rule == rule.rule }) {
        report(
          .error, .dead, rule.name,
          "rule \(rule.rule) is dead: no rule makes a tensor at or below \(rule.of)")
      }
    }
    mapping.aliases = expanded
  }

  /// The aliases that the rules give to `names`.
  private func expandAliases(among names: [TensorName]) -> [CompiledMapping.Alias] {
    aliasRules.flatMap { alias in
      names.compactMap { name in
        guard name == alias.of || name.hasPrefix("\(alias.of).") else { return nil }
        return .init(
          name: "\(alias.name)\(name.dropFirst(alias.of))", of: name, rule: alias.rule)
      }
    }
  }

  /// Gives the tensors the tree's order and shapes, and reports where tree and rules part.
  private mutating func checkAgainstTree(_ tree: [TorchModule.NamedTensor]) throws {
    let own = tree.filter { $0.aliasOf == nil }
    let shapes = Dictionary(
      own.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    for name in mapping.targetNames where shapes[name] == nil {
      report(
        .error, .unknownTarget, name,
        "rule \(targetRules[name] ?? 0) makes a tensor that the model does not have")
    }
    if mapping.openRules.isEmpty {
      for tensor in own where targetRules[tensor.name] == nil {
        report(.error, .missing, tensor.name, "no rule makes this tensor of the model")
      }
    }
    let positions = Dictionary(
      own.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    let shaped = mapping.tensors.map { tensor -> CompiledMapping.Tensor in
      let known = tensor.targets.compactMap { shapes[$0] }
      guard known.count == tensor.targets.count else { return tensor }
      let shaped = CompiledMapping.Tensor(
        targets: tensor.targets, sources: tensor.sources, layout: tensor.layout,
        bindings: tensor.bindings, shapes: known, rule: tensor.rule)
      do throws(LayoutBinding.Misfit) {
        _ = try shaped.binding(targets: known, sizes: Self.openExtents(shaped))
      } catch {
        let kind = tensor.layout.name
        let result = kind.isEmpty ? "the result of \(tensor.layout.layout)" : "a \(kind)"
        let impossible = "a tensor of shape \(known[0]) cannot be \(result)"
        report(
          .error, .shape, tensor.targets[0], "rule \(tensor.rule): \(impossible): \(error.message)")
      }
      return shaped
    }
    mapping.tensors = shaped.sorted { a, b in
      let first: Int = positions[a.targets[0]] ?? .max
      let second: Int = positions[b.targets[0]] ?? .max
      return first < second
    }
    checkAliases(tree)
  }

  /// An axis of which one index is taken is as long as the source makes it.
  private static func openExtents(_ tensor: CompiledMapping.Tensor) -> [String: Int] {
    tensor.at.mapValues { $0 + 1 }
  }

  private mutating func checkAliases(_ tree: [TorchModule.NamedTensor]) {
    let ruled = expandAliases(among: tree.filter { $0.aliasOf == nil }.map(\.name))
    let byName = Dictionary(ruled.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for tensor in tree {
      guard let of = tensor.aliasOf else { continue }
      if let alias = byName[tensor.name], alias.of == of {
        mapping.aliases.append(.init(name: tensor.name, of: of, rule: alias.rule))
      } else {
        report(.error, .missing, tensor.name, "no alias rule gives \(of) this second name")
      }
    }
    let known = Set(tree.map(\.name))
    for alias in aliasRules
    where !ruled.contains(where: { $0.rule == alias.rule && known.contains($0.name) }) {
      report(
        .error, .dead, alias.name,
        "rule \(alias.rule) is dead: it gives no tensor of the model a name")
    }
  }
}
