import CheckpointCore

/// Finds what is wrong with a mapping before any file is converted by it.
public enum MappingLint {
  public enum Severity: String, Sendable { case error, warning }

  public struct Finding: Sendable {
    public let severity: Severity
    /// The rule or tensor it concerns.
    public let subject: String
    public let message: String
  }

  public static func findings(in model: ModelDocument) throws -> [Finding] {
    try compile(model).findings
  }

  static func compile(
    _ model: ModelDocument
  ) throws -> (mapping: CompiledMapping, findings: [Finding]) {
    var lint = Linter(model: model)
    for rule in model.rules { try lint.add(rule) }
    return try lint.finish()
  }
}

private struct Linter {
  let model: ModelDocument
  private var findings: [MappingLint.Finding] = []
  private var tensors: [TensorName: CompiledMapping.Tensor] = [:]
  private var order: [TensorName] = []
  private var constants: [CompiledMapping.Constant] = []
  private var aliasRules: [(name: TensorName, of: TensorName, rule: Int)] = []
  private var drops: [(name: TensorName, rule: Int)] = []
  private var targetRules: [TensorName: Int] = [:]
  private var sourceRules: [TensorName: Int] = [:]

  init(model: ModelDocument) { self.model = model }

  private mutating func report(
    _ severity: MappingLint.Severity, _ subject: TensorName, _ message: String
  ) {
    findings.append(.init(severity: severity, subject: subject.text, message: message))
  }

  /// Notes that `rule` makes `target`; overlapping rules are an error.
  private mutating func claim(target: TensorName, _ rule: Int) {
    if let other = targetRules.updateValue(rule, forKey: target) {
      report(.error, target, "rules \(other) and \(rule) both make this tensor")
    }
  }

  mutating func add(_ rule: MappingRule) throws {
    for action in try rule.expanded() {
      switch action {
      case .tensor(let target, let sources, let role, let heads):
        claim(target: target, rule.number)
        for source in sources {
          if let other = sourceRules.updateValue(rule.number, forKey: source) {
            report(.error, source, "rules \(other) and \(rule.number) both consume this tensor")
          }
        }
        order.append(target)
        tensors[target] = .init(
          target: target, sources: sources, role: role, heads: heads, shape: nil,
          rule: rule.number)
      case .constant(let target, let shape, let dtype, let value):
        claim(target: target, rule.number)
        constants.append(
          .init(target: target, shape: shape, dtype: dtype, value: value, rule: rule.number))
        report(
          .warning, target,
          "rule \(rule.number) is not invertible: a constant has no source to go back to")
      case .alias(let name, let of): aliasRules.append((name, of, rule.number))
      case .drop(let name):
        drops.append((name, rule.number))
        report(
          .warning, name,
          "rule \(rule.number) is not invertible: what is dropped cannot come back")
      }
    }
  }

  mutating func finish() throws -> (CompiledMapping, [MappingLint.Finding]) {
    for drop in drops {
      for (source, rule) in sourceRules.sorted(by: { $0.key < $1.key })
      where source == drop.name || source.hasPrefix("\(drop.name)/") {
        report(.error, source, "rule \(drop.rule) drops what rule \(rule) consumes")
      }
    }
    let aliases: [CompiledMapping.Alias]
    if let modules = model.modules {
      aliases = try checkAgainstTree(try modules.stateDict())
    } else {
      let expanded = expandAliases(among: order + constants.map(\.target))
      for alias in expanded { claim(target: alias.name, alias.rule) }
      for rule in aliasRules where !expanded.contains(where: { $0.rule == rule.rule }) {
        report(
          .error, rule.name,
          "rule \(rule.rule) is dead: no rule makes a tensor at or below \(rule.of)")
      }
      aliases = expanded.map { .init(name: $0.name, of: $0.of, rule: $0.rule) }
    }
    let mapping = CompiledMapping(
      model: model, tensors: order.compactMap { tensors[$0] }, constants: constants,
      aliases: aliases, drops: drops)
    return (mapping, findings)
  }

  /// The aliases that the rules give to `names`.
  private func expandAliases(
    among names: [TensorName]
  ) -> [(name: TensorName, of: TensorName, rule: Int)] {
    aliasRules.flatMap { alias in
      names.compactMap { name in
        guard name == alias.of || name.hasPrefix("\(alias.of).") else { return nil }
        return ("\(alias.name)\(name.dropFirst(alias.of))", name, alias.rule)
      }
    }
  }

  /// Gives the tensors the tree's order and shapes, and reports where tree and rules part.
  private mutating func checkAgainstTree(
    _ tree: [TorchModule.NamedTensor]
  ) throws -> [CompiledMapping.Alias] {
    let own = tree.filter { $0.aliasOf == nil }
    for name in order + constants.map(\.target) where !own.contains(where: { $0.name == name }) {
      report(
        .error, name, "rule \(targetRules[name] ?? 0) makes a tensor that the model does not have")
    }
    for tensor in own where targetRules[tensor.name] == nil {
      report(.error, tensor.name, "no rule makes this tensor of the model")
    }
    for tensor in own {
      guard let rule = tensors[tensor.name] else { continue }
      if rule.role.transform(to: tensor.shape, heads: rule.heads) == nil {
        report(
          .error, tensor.name,
          "rule \(rule.rule): a tensor of shape \(tensor.shape) cannot be a \(rule.role.rawValue)")
      }
      tensors[tensor.name] = .init(
        target: rule.target, sources: rule.sources, role: rule.role, heads: rule.heads,
        shape: tensor.shape, rule: rule.rule)
    }
    order = own.map(\.name).filter { tensors[$0] != nil }
    return checkAliases(tree)
  }

  private mutating func checkAliases(
    _ tree: [TorchModule.NamedTensor]
  ) -> [CompiledMapping.Alias] {
    let ruled = expandAliases(among: tree.filter { $0.aliasOf == nil }.map(\.name))
    let byName = Dictionary(ruled.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var result: [CompiledMapping.Alias] = []
    for tensor in tree {
      guard let of = tensor.aliasOf else { continue }
      if let alias = byName[tensor.name], alias.of == of {
        result.append(.init(name: tensor.name, of: of, rule: alias.rule))
      } else {
        report(.error, tensor.name, "no alias rule gives \(of) this second name")
      }
    }
    let known = Set(tree.map(\.name))
    for alias in aliasRules
    where !ruled.contains(where: { $0.rule == alias.rule && known.contains($0.name) }) {
      report(
        .error, alias.name, "rule \(alias.rule) is dead: it gives no tensor of the model a name")
    }
    return result
  }
}
