package import CheckpointCore

/// A model's mapping with every rule expanded and checked: each tensor with its sources.
///
/// A rule whose numbers are left to the file is expanded only against the names of one.
package struct CompiledMapping: Sendable {
  /// One instance of a rule.
  package struct Tensor: Sendable {
    package let targets: [TensorName]
    package let sources: [TensorName]
    package let layout: NamedLayout
    /// The values of the rule's variables.
    let bindings: [String: Int]
    /// Of the targets; empty unless the document has a module tree.
    package let shapes: [Shape]
    /// The number of the rule it came from.
    package let rule: Int

    /// The names of all targets, for a message.
    var title: String { targets.map(\.text).joined(separator: ", ") }

    /// The index taken along each axis that has one.
    var at: [String: Int] { layout.layout.at.compactMapValues { $0.value(bindings) } }

    /// The layout for tensors of these shapes; what is not given follows.
    ///
    /// - Parameter sibling: the shape of another tensor, by name.
    func binding(
      sources: [Shape] = [], targets: [Shape] = [], sizes: [String: Int] = [:],
      sibling: (TensorName) -> Shape? = { _ in nil }
    ) throws(LayoutBinding.Misfit) -> LayoutBinding {
      var tensors = LayoutBinding.Tensors(
        sourceCount: self.sources.count, targetCount: self.targets.count, sources: sources,
        targets: targets, sizes: sizes, at: at)
      for (axis, extent) in layout.layout.sizes {
        switch extent {
        case .number(let number): tensors.sizes[axis] = number
        case .sibling(let pattern, let dimension):
          guard let name = pattern.name(bindings), let shape = sibling(name),
            shape.dimensions.indices.contains(dimension)
          else { continue }
          tensors.sizes[axis] = shape.dimensions[dimension]
        }
      }
      return try LayoutBinding(layout.layout, tensors)
    }

    /// The shape of each source, where the targets' shapes are known and tell it.
    package var sourceShape: Shape? {
      shapes.isEmpty ? nil : try? binding(targets: shapes).sourceShape
    }
  }

  package struct Constant: Sendable {
    package let target: TensorName
    package let content: MappingRule.Constant
    /// The target whose shape it has, where it has no shape of its own.
    let like: TensorName?
    package let rule: Int
  }

  package struct Alias: Sendable {
    package let name: TensorName
    package let of: TensorName
    package let rule: Int
  }

  package struct Template: Sendable {
    package let target: TensorName
    package let rule: Int
  }

  /// One tensor of the target's side that is made from others.
  package struct Target: Sendable {
    package let name: TensorName
    /// Known where the document has a module tree.
    package let shape: Shape?
    /// The rule's instance that makes it.
    package let origin: Tensor
  }

  /// Every tensor that is made from others, one by one, in the order of `tensors`.
  package var targets: [Target] {
    tensors.flatMap { tensor in
      tensor.targets.enumerated().map { index, name in
        Target(
          name: name,
          shape: tensor.shapes.indices.contains(index) ? tensor.shapes[index] : nil,
          origin: tensor)
      }
    }
  }

  package let model: ModelDocument
  /// In the order of `state_dict()`, or of the rules where there is no module tree.
  package internal(set) var tensors: [Tensor] = []
  package internal(set) var constants: [Constant] = []
  package internal(set) var templates: [Template] = []
  /// The second names of tensors, in the order of `state_dict()`.
  package internal(set) var aliases: [Alias] = []
  /// Subtrees of source names that have no counterpart, with their rules.
  package internal(set) var drops: [(name: TensorName, rule: Int)] = []
  /// Rules whose numbers only a file can tell.
  package internal(set) var openRules: [MappingRule] = []

  init(model: ModelDocument) { self.model = model }

  /// Compiles the rules that need no file.
  ///
  /// - Throws: the first of `MappingLint`'s errors, where there is one.
  package init(_ model: ModelDocument) throws {
    let compiled = try MappingLint.compile(model, against: nil)
    if let error = compiled.findings.first(where: { $0.severity == .error }) {
      throw CheckpointError(entry: error.subject, error.message, advice: "see 'savi-ckpt map lint'")
    }
    self = compiled.mapping
  }

  /// Compiles the rules with their families expanded for the entries of a file of either side,
  /// wherever in it the model's parameters are: for the side and the place that tell the most tensors.
  ///
  /// - Throws: the first of `MappingLint`'s errors, where there is one.
  package init(_ model: ModelDocument, for entries: [CheckpointEntry]) throws {
    try self.init(model)
    guard !openRules.isEmpty else { return }
    for (side, direction) in [
      (FileNames.Side.target, ConversionDirection.reverse), (.source, .forward),
    ] {
      let names = ExpectedNames(self, direction)
      for root in ParameterRoot.candidates(entries, isExpected: names.contains) {
        let tensors = root.split(entries).inside.compactMap { entry -> TensorInfo? in
          if case .tensor(let tensor) = entry { tensor } else { nil }
        }
        let expanded = try MappingLint.compile(model, against: FileNames(side, tensors)).mapping
        if expanded.tensors.count > self.tensors.count { self = expanded }
      }
    }
  }

  /// The source names that the mapping consumes.
  package var sourceNames: [TensorName] {
    var seen: Set<TensorName> = []
    return tensors.flatMap(\.sources).filter { seen.insert($0).inserted }
  }
  /// The names it produces, aliases apart.
  package var targetNames: [TensorName] {
    tensors.flatMap(\.targets) + constants.map(\.target) + templates.map(\.target)
  }

  func isDropped(_ name: TensorName) -> Bool {
    drops.contains { name.relative(to: $0.name) != nil }
  }
}
