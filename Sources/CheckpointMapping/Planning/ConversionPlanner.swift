public import CheckpointCore

/// Fits a checkpoint to a mapping. A plan is total: every source tensor is consumed exactly once and
/// every target produced exactly once, or there is no plan.
public struct ConversionPlanner: Sendable {
  private let mapping: CompiledMapping
  private let direction: ConversionDirection

  public init(_ mapping: CompiledMapping, direction: ConversionDirection) {
    self.mapping = mapping
    self.direction = direction
  }

  public enum Outcome: Sendable {
    case fits(ConversionPlan)
    /// The nearest miss and where it was.
    case misses(MappingMismatch, root: TensorName)
  }

  /// Every place in the checkpoint where the parameters fit, or else the nearest miss.
  public func outcomes(for entries: [CheckpointEntry]) -> [Outcome] {
    var fits: [Outcome] = []
    var nearest: (MappingMismatch, root: TensorName)?
    for root in candidateRoots(entries) {
      let below = root.isEmpty ? entries : subtree(of: entries, at: root)
      do {
        fits.append(.fits(try plan(below, root: root, all: entries)))
      } catch {
        if nearest == nil || error.count < nearest!.0.count { nearest = (error, root) }
      }
    }
    if let nearest, fits.isEmpty { return [.misses(nearest.0, root: nearest.root)] }
    return fits
  }

  /// The prefixes under which any of the mapping's names occurs, the fullest first. The top of the
  /// file is always one.
  private static let maximumRoots = 16

  private func candidateRoots(_ entries: [CheckpointEntry]) -> [TensorName] {
    let expected = Set(direction == .flaxToTorch ? mapping.sourceNames : mapping.targetNames)
    var counts: [TensorName: Int] = ["": 0]
    for entry in entries {
      let name = entry.name
      if expected.contains(name) { counts["", default: 0] += 1 }
      for (group, rest) in name.groups where expected.contains(rest) {
        counts[group, default: 0] += 1
      }
    }
    let ranked = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    return ranked.prefix(Self.maximumRoots)
      + (ranked.prefix(Self.maximumRoots).contains("") ? [] : [""])
  }

  private func plan(
    _ entries: [CheckpointEntry], root: TensorName, all: [CheckpointEntry]
  ) throws(MappingMismatch) -> ConversionPlan {
    var builder = PlanBuilder(mapping, entries)
    switch direction {
    case .flaxToTorch: builder.planForward()
    case .torchToFlax: builder.planReverse()
    }
    let (steps, pairs, values) = try builder.finish()
    let prefix = root.isEmpty ? nil : root
    let outside = prefix.map { prefix in
      all.filter { entry in
        entry.name.relative(to: prefix) == nil
      }
    }
    return ConversionPlan(
      model: mapping.model, direction: direction, root: root, steps: steps, equalPairs: pairs,
      leftOut: values + (outside ?? []))
  }
}

private struct PlanBuilder {
  private let mapping: CompiledMapping
  private let entries: [CheckpointEntry]
  private var unused: [TensorName: TensorInfo] = [:]
  private var steps: [ConversionPlan.Step] = []
  private var pairs: [ConversionPlan.EqualPair] = []
  private var mismatch = MappingMismatch()

  init(_ mapping: CompiledMapping, _ entries: [CheckpointEntry]) {
    self.mapping = mapping
    self.entries = entries
    for case .tensor(let tensor) in entries { unused[tensor.name] = tensor }
    if let twice = firstDuplicate(of: entries) {
      mismatch.other.append("two entries are named \(twice)")
    }
  }

  /// Takes `name` out of the checkpoint; a second rule cannot have it.
  private mutating func take(_ name: TensorName) -> TensorInfo? {
    if let tensor = unused.removeValue(forKey: name) { return tensor }
    mismatch.missing.append(name)
    return nil
  }

  mutating func planForward() {
    for rule in mapping.tensors {
      let sources = rule.sources.compactMap { take($0) }
      guard sources.count == rule.sources.count, let first = sources.first else { continue }
      guard sources.allSatisfy({ $0.dtype == first.dtype }) else {
        let types = sources.map { "\($0.name) \($0.dtype)" }.joined(separator: ", ")
        mismatch.other.append("the sources of \(rule.target) have different dtypes (\(types))")
        continue
      }
      guard let transform = forwardTransform(rule, sources) else { continue }
      steps.append(
        .init(
          name: rule.target, dtype: first.dtype, shape: transform.target, aliasOf: nil,
          sources: sources, role: rule.role, rule: rule.rule, operation: .scatter(transform)))
    }
    for constant in mapping.constants {
      steps.append(
        .init(
          name: constant.target, dtype: constant.dtype, shape: constant.shape, aliasOf: nil,
          sources: [], role: nil, rule: constant.rule, operation: .fill(constant.value)))
    }
    let made = Dictionary(
      steps.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for alias in mapping.aliases {
      guard let original = made[alias.of] else { continue }
      steps.append(
        .init(
          name: alias.name, dtype: original.dtype, shape: original.shape, aliasOf: alias.of,
          sources: original.sources, role: original.role, rule: alias.rule, operation: .alias))
    }
    for name in unused.keys where mapping.isDropped(name) { unused[name] = nil }
  }

  /// The transform whose sources have exactly these shapes.
  private mutating func forwardTransform(
    _ rule: CompiledMapping.Tensor, _ sources: [TensorInfo]
  ) -> LayoutTransform? {
    let target = rule.shape ?? rule.role.targetShape(from: sources.map(\.shape))
    guard let target, let transform = rule.role.transform(to: target, heads: rule.heads) else {
      for source in sources {
        mismatch.wrongShape.append(
          .init(
            name: source.name, expected: "a \(rule.role.rawValue)",
            found: source.shape.description))
      }
      return nil
    }
    let wrong = zip(sources, transform.placements).filter { $0.shape != $1.shape }
    for (source, placement) in wrong {
      mismatch.wrongShape.append(
        .init(
          name: source.name, expected: placement.shape.description,
          found: source.shape.description))
    }
    return wrong.isEmpty ? transform : nil
  }

  mutating func planReverse() {
    if let drop = mapping.drops.first {
      mismatch.other.append(
        "rule \(drop.rule) drops \(drop.name), so the mapping cannot be reversed")
    }
    for alias in mapping.aliases {
      // Formats without shared storage keep no second names: they may be absent.
      guard let tensor = unused.removeValue(forKey: alias.name) else { continue }
      guard let original = unused[alias.of] else { continue }
      let isSame =
        tensor.storage != nil && tensor.storage == original.storage
        && tensor.shape == original.shape && tensor.dtype == original.dtype
      if !isSame {
        pairs.append(.init(alias: tensor, original: original))
      }
    }
    for constant in mapping.constants { _ = take(constant.target) }
    for rule in mapping.tensors {
      guard let tensor = take(rule.target) else { continue }
      let shape = rule.shape ?? tensor.shape
      guard tensor.shape == shape,
        let transform = rule.role.transform(to: shape, heads: rule.heads)
      else {
        mismatch.wrongShape.append(
          .init(
            name: tensor.name,
            expected: rule.shape?.description ?? "the result of a \(rule.role.rawValue)",
            found: tensor.shape.description))
        continue
      }
      for (index, name) in rule.sources.enumerated() {
        steps.append(
          .init(
            name: name, dtype: tensor.dtype, shape: transform.placements[index].shape,
            aliasOf: nil, sources: [tensor], role: rule.role, rule: rule.rule,
            operation: .gather(transform, index: index)))
      }
    }
    steps.sort { $0.name < $1.name }
  }

  /// The plan's parts, or everything that stands against them.
  mutating func finish() throws(MappingMismatch) -> (
    [ConversionPlan.Step], [ConversionPlan.EqualPair], values: [CheckpointEntry]
  ) {
    var values: [CheckpointEntry] = []
    for entry in entries {
      switch entry {
      case .tensor(let tensor):
        if unused[tensor.name] != nil { mismatch.unexpected.append(tensor.name.text) }
      case .placeholder(let item) where item.kind == .data && !mapping.isDropped(item.name):
        mismatch.unexpected.append("\(item.name), \(item.reason)")
      case .placeholder: values.append(entry)
      }
    }
    guard mismatch.count == 0 else { throw mismatch }
    return (steps, pairs, values)
  }
}
