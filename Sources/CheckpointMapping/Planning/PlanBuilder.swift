import CheckpointCore

/// Takes the tensors of a file one by one as the rules ask for them.
struct PlanBuilder {
  private let mapping: CompiledMapping
  private let entries: [CheckpointEntry]
  private let tensors: [TensorName: TensorInfo]
  private let template: [TensorName: TensorInfo]?
  private var unused: Set<TensorName>
  /// The parts of stacked tensors that rules took.
  private var slices: [TensorName: TakenSlices] = [:]
  private var steps: [ConversionPlan.Step] = []
  private var pairs: [ConversionPlan.EqualPair] = []
  private var mismatch = MappingMismatch()
  /// The names of `mismatch.missing`: a stacked tensor is asked for by each of its layers.
  private var missed: Set<TensorName> = []

  /// - Throws: where the rules cannot be expanded for the names of this file.
  init(
    _ model: ModelDocument, _ direction: ConversionDirection, _ entries: [CheckpointEntry],
    template: [TensorInfo]?
  ) throws(MappingMismatch) {
    let listed = entries.compactMap { entry in
      if case .tensor(let tensor) = entry { tensor } else { nil }
    }
    let file = FileNames(direction == .forward ? .source : .target, listed)
    do {
      let compiled = try MappingLint.compile(model, against: file)
      mapping = compiled.mapping
      mismatch.missing = compiled.missing
      missed = Set(compiled.missing)
      mismatch.other = compiled.findings.filter { $0.severity == .error }.map {
        "\($0.subject): \($0.message)"
      }
    } catch {
      mismatch.other = ["\(error)"]
      throw mismatch
    }
    func byName(_ tensors: [TensorInfo]) -> [TensorName: TensorInfo] {
      Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }
    self.entries = entries
    tensors = byName(listed)
    self.template = template.map(byName)
    unused = Set(tensors.keys)
    if let twice = firstDuplicate(of: entries) {
      mismatch.other.append("two entries are named \(twice)")
    }
  }

  /// Takes `name`, or the part of it that `at` says, out of the checkpoint.
  private mutating func take(_ name: TensorName, at: [String: Int] = [:]) -> TensorInfo? {
    guard let tensor = tensors[name], unused.remove(name) != nil || slices[name] != nil else {
      if missed.insert(name).inserted { mismatch.missing.append(name) }
      return nil
    }
    if !at.isEmpty { slices[name, default: TakenSlices()].add(at) }
    return tensor
  }

  private mutating func misfit(
    _ tensor: CompiledMapping.Tensor, _ files: [TensorInfo], _ expected: Shape?,
    _ misfit: LayoutBinding.Misfit
  ) {
    for file in files where expected == nil || file.shape != expected {
      mismatch.wrongShape.append(
        .init(
          name: file.name,
          expected: expected?.description
            ?? "\(tensor.layout.name.isEmpty ? tensor.layout.layout.description : tensor.layout.name)"
            + " (\(misfit.message))",
          found: file.shape.description))
    }
  }

  /// Whether the inputs of a tensor have one dtype, whose elements can be moved.
  private mutating func haveOneType(_ files: [TensorInfo], _ title: String) -> Bool {
    guard let first = files.first, files.allSatisfy({ $0.dtype == first.dtype }) else {
      let types = files.map { "\($0.name) \($0.dtype)" }.joined(separator: ", ")
      mismatch.other.append("the sources of \(title) have different dtypes (\(types))")
      return false
    }
    guard !first.dtype.isPacked else {
      mismatch.other.append(
        "\(first.name) is \(first.dtype), several numbers in a byte, which no layout can move")
      return false
    }
    return true
  }
}

// MARK: - From source to target

extension PlanBuilder {
  mutating func planForward() {
    for rule in mapping.tensors {
      let files = rule.sources.compactMap { take($0, at: rule.at) }
      guard files.count == rule.sources.count, haveOneType(files, rule.title) else { continue }
      do {
        let binding = try rule.binding(
          sources: files.map(\.shape), targets: rule.shapes, sibling: { tensors[$0]?.shape })
        for name in rule.sources { slices[name]?.extents = binding.sizes }
        for (index, target) in rule.targets.enumerated() {
          guard let way = binding.forward(target: index) else { continue }
          steps.append(
            .init(
              name: target, dtype: files[0].dtype, shape: way.output, aliasOf: nil,
              sources: files, role: rule.layout.title, rule: rule.rule,
              operation: .rearrange(way, rule.layout.layout.operation)))
        }
      } catch {
        misfit(rule, files, rule.sourceShape, error)
      }
    }
    planTemplates()
    planConstants()
    planAliases()
    unused = unused.filter { !mapping.isDropped($0) }
  }

  private mutating func planConstants() {
    let made = Dictionary(
      steps.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    for constant in mapping.constants {
      let shape: Shape?
      switch constant.content.extents {
      case .shape(let own): shape = own
      case .like: shape = constant.like.flatMap { made[$0] }
      }
      guard let shape else {
        mismatch.other.append(
          "\(constant.target) has the shape of \(constant.like?.text ?? "?"), which no rule makes")
        continue
      }
      steps.append(
        .init(
          name: constant.target, dtype: constant.content.dtype, shape: shape, aliasOf: nil,
          sources: [], role: ConversionPlan.constantRole, rule: constant.rule,
          operation: .constant(constant.content.value)))
    }
  }

  private mutating func planTemplates() {
    guard !mapping.templates.isEmpty else { return }
    guard let template else {
      mismatch.other.append(
        "\(counted(mapping.templates.count)) no source can make "
          + "(\(few(mapping.templates.map(\.target)))): give a file that has them with --template")
      return
    }
    for rule in mapping.templates {
      guard let tensor = template[rule.target] else {
        mismatch.other.append("the template has no \(rule.target)")
        continue
      }
      steps.append(.template(tensor, as: tensor.name, rule: rule.rule))
    }
  }

  private func counted(_ count: Int) -> String {
    count == 1 ? "1 tensor that" : "\(count) tensors that"
  }

  private func few(_ names: [TensorName]) -> String {
    names.prefix(4).map(\.text).joined(separator: ", ") + (names.count > 4 ? ", …" : "")
  }

  private mutating func planAliases() {
    let made = Dictionary(
      steps.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for alias in mapping.aliases {
      guard let original = made[alias.of] else { continue }
      steps.append(
        .init(
          name: alias.name, dtype: original.dtype, shape: original.shape, aliasOf: alias.of,
          sources: original.sources, role: original.role, rule: alias.rule, operation: .alias))
    }
  }
}

// MARK: - From target to source

extension PlanBuilder {
  /// One part of a source tensor, and what it comes from.
  private struct Part {
    let rule: CompiledMapping.Tensor
    let index: Int
    let files: [TensorInfo]
  }

  mutating func planReverse() {
    planDropped()
    takeAliases()
    // What no source made has no place on the way back, and may be absent.
    for name in mapping.constants.map(\.target) + mapping.templates.map(\.target) {
      unused.remove(name)
    }
    var parts: [TensorName: [Part]] = [:]
    for rule in mapping.tensors {
      let files = rule.targets.compactMap { take($0) }
      guard files.count == rule.targets.count, haveOneType(files, rule.title) else { continue }
      for (index, name) in rule.sources.enumerated() {
        parts[name, default: []].append(Part(rule: rule, index: index, files: files))
      }
    }
    for name in parts.keys { planSource(name, parts) }
    steps.sort { $0.name < $1.name }
  }

  /// What the rules drop comes back from a template alone.
  private mutating func planDropped() {
    guard let template else {
      guard let drop = mapping.drops.first else { return }
      mismatch.other.append(
        "rule \(drop.rule) drops \(drop.name): give a file that has it with --template")
      return
    }
    for drop in mapping.drops {
      // The document may leave out the collection that the template's names begin with.
      let found = template.values.compactMap { tensor in
        [tensor.name, ParameterRoot.withoutCollection(tensor.name)]
          .first { $0.relative(to: drop.name) != nil }
          .map { ConversionPlan.Step.template(tensor, as: $0, rule: drop.rule) }
      }
      if found.isEmpty { mismatch.other.append("the template has no \(drop.name)") }
      steps += found
    }
  }

  private mutating func takeAliases() {
    for alias in mapping.aliases {
      // Formats without shared storage keep no second names: they may be absent.
      guard let tensor = tensors[alias.name], unused.remove(alias.name) != nil,
        let original = tensors[alias.of]
      else { continue }
      let isSame =
        tensor.storage != nil && tensor.storage == original.storage
        && tensor.shape == original.shape && tensor.dtype == original.dtype
      if !isSame { pairs.append(.init(alias: tensor, original: original)) }
    }
  }

  /// The shape that a tensor of the source will have, as far as one rule tells it.
  private static func sourceShape(_ parts: [Part]?) -> Shape? {
    guard let part = parts?.first else { return nil }
    return try? part.rule.binding(targets: part.files.map(\.shape)).sourceShape
  }

  /// A source tensor, from one rule or, slice by slice, from several.
  private mutating func planSource(_ name: TensorName, _ all: [TensorName: [Part]]) {
    let parts = all[name] ?? []
    var taken = TakenSlices()
    for part in parts where !part.rule.at.isEmpty { taken.add(part.rule.at) }
    if let gap = taken.gap(in: taken.reached) {
      mismatch.other.append("nothing makes \(gap) of \(name)")
      return
    }
    var way: Rearrangement?
    for part in parts {
      do throws(LayoutBinding.Misfit) {
        let shapes = part.files.map(\.shape)
        guard part.rule.shapes.isEmpty || part.rule.shapes == shapes else {
          throw LayoutBinding.Misfit(message: "")
        }
        let binding = try part.rule.binding(
          targets: shapes, sizes: taken.reached, sibling: { Self.sourceShape(all[$0]) })
        guard let next = binding.reverse(source: part.index) else { continue }
        if let before = way, before.output != next.output {
          mismatch.other.append("the parts of \(name) have different shapes")
          return
        }
        way = way?.appending(next) ?? next
      } catch {
        misfit(part.rule, part.files, part.rule.shapes.first, error)
        return
      }
    }
    let files = parts.flatMap(\.files)
    guard let way, let rule = parts.first?.rule, haveOneType(files, name.text) else { return }
    steps.append(
      .init(
        name: name, dtype: files[0].dtype, shape: way.output, aliasOf: nil, sources: files,
        role: rule.layout.title, rule: rule.rule,
        operation: .rearrange(way, rule.layout.layout.operation?.inverse)))
  }

  /// The plan's parts, or everything that stands against them.
  mutating func finish() throws(MappingMismatch) -> (
    [ConversionPlan.Step], [ConversionPlan.EqualPair], values: [CheckpointEntry]
  ) {
    for (name, taken) in slices.sorted(by: { $0.key < $1.key }) {
      if let gap = taken.gap(in: taken.extents) {
        mismatch.other.append("\(gap) of \(name) is in no rule")
      }
    }
    var values: [CheckpointEntry] = []
    for entry in entries {
      switch entry {
      case .tensor(let tensor):
        if unused.contains(tensor.name) { mismatch.unexpected.append(tensor.name.text) }
      case .placeholder(let item) where item.kind == .data && !mapping.isDropped(item.name):
        mismatch.unexpected.append("\(item.name), \(item.reason)")
      case .placeholder: values.append(entry)
      }
    }
    guard mismatch.count == 0 else { throw mismatch }
    return (steps, pairs, values)
  }
}

/// The indices that rules took of a stacked tensor.
private struct TakenSlices {
  private var indices: Set<[String: Int]> = []
  /// The extents of all axes that a rule names in the tensor.
  var extents: [String: Int] = [:]

  mutating func add(_ at: [String: Int]) { indices.insert(at) }

  /// The extents that the indices reach.
  var reached: [String: Int] {
    indices.reduce(into: [:]) { result, at in
      for (axis, index) in at { result[axis] = max(result[axis] ?? 0, index + 1) }
    }
  }

  /// The first slice within `extents` that nobody took, in words.
  func gap(in extents: [String: Int]) -> String? {
    guard let axes = indices.first?.keys.sorted() else { return nil }
    var all: [[String: Int]] = [[:]]
    for axis in axes {
      all = all.flatMap { at in
        (0..<(extents[axis] ?? 0)).map { index in at.merging([axis: index]) { $1 } }
      }
    }
    guard let gap = all.first(where: { !indices.contains($0) }) else { return nil }
    return axes.map { "\($0) = \(gap[$0] ?? 0)" }.joined(separator: ", ")
  }
}

extension ConversionPlan.Step {
  /// A tensor of the template, as it is.
  fileprivate static func template(
    _ tensor: TensorInfo, as name: TensorName, rule: Int
  ) -> Self {
    Self(
      name: name, dtype: tensor.dtype, shape: tensor.shape, aliasOf: nil, sources: [],
      role: ConversionPlan.templateRole, rule: rule, operation: .template(tensor))
  }
}

extension Rearrangement {
  /// The same output from more inputs: those of `other`, behind one's own.
  fileprivate func appending(_ other: Rearrangement) -> Rearrangement {
    func shifted(_ region: Region) -> Region {
      Region(input: region.input + inputs.count, axes: region.axes, box: region.box)
    }
    return Rearrangement(
      inputs: inputs + other.inputs, output: output,
      pieces: pieces
        + other.pieces.map {
          Piece(region: shifted($0.region), offset: $0.offset, strides: $0.strides)
        }, zeros: zeros + other.zeros.map(shifted))
  }
}
