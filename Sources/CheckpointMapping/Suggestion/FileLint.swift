package import CheckpointCore

/// Checks a document against two files: one that it converts, and one of the other side.
///
/// Names and shapes are compared in any case. Where a target holds the numbers of the same weights,
/// its order tells whether the rule's layout is right.
package struct FileLint {
  private let document: ModelDocument
  private let entries: [CheckpointEntry]
  private let sourceReader: any CheckpointReader
  private let targets: [TensorInfo]
  private let targetReader: any CheckpointReader
  private let threads: Int

  package init(
    _ document: ModelDocument, source: [CheckpointEntry], _ sourceReader: any CheckpointReader,
    target: [TensorInfo], _ targetReader: any CheckpointReader, threads: Int
  ) {
    self.document = document
    entries = source
    self.sourceReader = sourceReader
    targets = target
    self.targetReader = targetReader
    self.threads = threads
  }

  package func findings() throws -> [MappingLint.Finding] {
    let planner = try ConversionPlanner(document, direction: .forward, template: targets)
    let outcomes = planner.outcomes(for: entries)
    let plans = outcomes.compactMap { outcome in
      if case .fits(let plan) = outcome { plan } else { nil }
    }
    guard let plan = plans.first else { return outcomes.flatMap(misses) }
    let rules = made(plan)
    return structure(plan) + siblings(rules) + flattens(rules) + (try values(plan, rules))
  }

  private func misses(_ outcome: ConversionPlanner.Outcome) -> [MappingLint.Finding] {
    guard case .misses(let mismatch, _) = outcome else { return [] }
    func finding(_ id: MappingLint.ID, _ subject: String, _ message: String) -> MappingLint.Finding
    {
      .init(severity: .error, id: id, subject: subject, message: message)
    }
    return mismatch.missing.map {
      finding(.missing, $0.text, "a rule takes this tensor, and the source does not have it")
    }
      + mismatch.unexpected.map {
        finding(.missing, $0, "no rule takes this tensor of the source")
      }
      + mismatch.wrongShape.map {
        finding(.shape, $0.name.text, "\($0.expected) expected, \($0.found) found")
      } + mismatch.other.map { finding(.missing, document.name, $0) }
  }

  /// A target with the rule's instance that makes it.
  private struct Made {
    let step: ConversionPlan.Step
    let layout: NamedLayout
    let sources: [TensorInfo]
    let target: TensorInfo
  }

  private func made(_ plan: ConversionPlan) -> [Made] {
    let places = targets.placesByName
    let rules = Dictionary(
      document.rules.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
    return plan.steps.compactMap { step in
      guard step.aliasOf == nil, let target = places[step.name].map({ targets[$0] }),
        target.shape == step.shape,
        case .tensors(let tensors)? = rules[step.rule]?.action
      else { return nil }
      return Made(step: step, layout: tensors.layout, sources: step.sources, target: target)
    }
  }

  /// Names and shapes of the two sides.
  private func structure(_ plan: ConversionPlan) -> [MappingLint.Finding] {
    let places = targets.placesByName
    let made = Set(plan.steps.map(\.name))
    var findings = plan.steps.compactMap { step -> MappingLint.Finding? in
      guard let target = places[step.name].map({ targets[$0] }) else {
        return step.aliasOf != nil
          ? nil
          : .init(
            severity: .error, id: .unknownTarget, subject: step.name.text,
            message: "rule \(step.rule) makes a tensor that the target does not have")
      }
      return target.shape == step.shape
        ? nil
        : .init(
          severity: .error, id: .shape, subject: step.name.text,
          message: "rule \(step.rule) makes \(step.shape), the target has \(target.shape)")
    }
    findings += targets.filter { !made.contains($0.name) }.map {
      .init(
        severity: .error, id: .missing, subject: $0.name.text,
        message: "no rule makes this tensor of the target")
    }
    return findings
  }

  /// Square kernels in a layout that the kernels whose shapes tell do not have.
  private func siblings(_ rules: [Made]) -> [MappingLint.Finding] {
    func isKernel(_ rule: Made) -> Bool {
      rule.sources.count == 1 && rule.sources[0].name.text.hasSuffix("kernel")
        && rule.sources[0].shape.rank == rule.target.shape.rank
        && rule.target.shape.rank >= 2
    }
    func isSquare(_ rule: Made) -> Bool {
      let extents = rule.sources[0].shape.dimensions.suffix(2)
      return extents.first == extents.last
    }
    /// Kernels of the same numbers of dimensions are siblings: a dense layer into heads is none of a
    /// plain one.
    func ranks(_ rule: Made) -> [Int] { [rule.sources[0].shape.rank, rule.target.shape.rank] }
    let kernels = rules.filter(isKernel)
    let told = Dictionary(grouping: kernels.filter { !isSquare($0) }, by: ranks)
      .mapValues { Set($0.map(\.layout.layout.description)) }
    return kernels.filter(isSquare).compactMap { rule in
      let own = rule.layout.layout.description
      guard let others = told[ranks(rule)], !others.contains(own) else { return nil }
      return .init(
        severity: .warning, id: .siblings, subject: rule.step.name.text,
        message:
          "rule \(rule.step.rule): this kernel is square, and laid out by \(own); the kernels "
          + "whose shapes tell are by \(others.sorted().joined(separator: " or "))")
    }
  }

  /// Dense layers that may stand behind a flatten.
  private func flattens(_ rules: [Made]) -> [MappingLint.Finding] {
    let side = DraftSide(
      entries.compactMap { entry in
        if case .tensor(let tensor) = entry {
          tensor.renamed(ParameterRoot.withoutCollection(tensor.name))
        } else {
          nil
        }
      })
    let doubt = FlattenDoubt(side)
    return rules.compactMap { rule in
      guard rule.sources.count == 1 else { return nil }
      let draft = DraftRule(
        targets: [rule.step.name],
        content: .tensors(
          sources: [ParameterRoot.withoutCollection(rule.sources[0].name)], layout: rule.layout),
        evidence: .names, question: nil)
      guard let question = doubt.checked(draft).question else { return nil }
      return .init(
        severity: .warning, id: .flatten, subject: rule.step.name.text,
        message: "rule \(rule.step.rule): \(question.text)")
    }
  }

  /// Targets that hold the right numbers in other places than the rule puts them, or other numbers.
  private func values(
    _ plan: ConversionPlan, _ rules: [Made]
  ) throws -> [MappingLint.Finding] {
    var seen: Set<TensorName> = []
    let sources = rules.flatMap(\.sources).filter { seen.insert($0.name).inserted }
    let evidence = try ValueEvidence(
      sources, sourceReader, rules.map(\.target), targetReader, threads: threads)
    let index = sources.placesByName
    let owners = Dictionary(
      sources.indices.map { (evidence.sourcePrints[$0], $0) },
      uniquingKeysWith: { first, _ in first })
    let outputs = Dictionary(
      plan.outputs(from: sourceReader).map { ($0.name, $0) },
      uniquingKeysWith: { first, _ in first })
    return try rules.enumerated().compactMap { place, rule in
      let print = evidence.targetPrints[place]
      guard !print.isConstant, let output = outputs[rule.step.name],
        try differs(output, rule.target)
      else { return nil }
      let own = rule.sources.compactMap { index[$0.name] }
      let solver = LayoutSolver(evidence, target: place, sources: own)
      if let solution = try solver.solve() {
        let names = solution.sources.map { sources[$0].name.text }
        let isSame = names == rule.sources.map(\.name.text)
        return .init(
          severity: .error, id: .layout, subject: rule.step.name.text,
          message: "rule \(rule.step.rule): the target holds these numbers in another order: "
            + "\(solution.layout.layout) makes it"
            + (isSame ? "" : ", of \(names.joined(separator: ", "))"))
      }
      guard let other = owners[print], !own.contains(other) else { return nil }
      return .init(
        severity: .error, id: .source, subject: rule.step.name.text,
        message: "rule \(rule.step.rule): the target holds the numbers of "
          + "\(sources[other].name), not of \(rule.sources.map(\.name.text).joined(separator: ", "))"
      )
    }
  }

  private func differs(_ output: OutputTensor, _ target: TensorInfo) throws -> Bool {
    let made = try collectDoubles(output.dtype, count: output.shape.count, output.produce)
    let found = try collectDoubles(target.dtype, count: target.shape.count) {
      try targetReader.stream(target, $0)
    }
    return made.count != found.count || !zip(made, found).allSatisfy { $0 == $1 }
  }
}
