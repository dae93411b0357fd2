import CheckpointCore
import CheckpointInspection
import CheckpointMapping

/// Mapping rules as text and as JSON (`schemas/map.schema.json`).
enum MappingReport {
  static func rules(_ model: ModelDocument) -> TextTable {
    var table = TextTable(header: ["Rule", "PyTorch", "Flax", "Role", "Layout"])
    for rule in model.rules {
      let ranges = rule.ranges.map {
        "\($0.variable) = \($0.bounds.lowerBound)…\($0.bounds.upperBound)"
      }.joined(separator: ", ")
      let note = ranges.isEmpty ? "" : "  (\(ranges))"
      switch rule.action {
      case .tensor(let target, let sources, let role, _):
        for (index, source) in sources.enumerated() {
          table.rows.append(
            index == 0
              ? [String(rule.number), target.text, source.text, role.rawValue, role.formula + note]
              : ["", "", source.text, "", ""])
        }
      case .alias(let name, let of):
        table.rows.append([String(rule.number), name.text, "", "alias", "= \(of)"])
      case .drop(let name): table.rows.append([String(rule.number), "", name.text, "drop", ""])
      case .constant(let target, let shape, _, let value):
        table.rows.append(
          [String(rule.number), target.text, "", "constant", "\(value) \(shape)"])
      }
    }
    return table
  }

  static func tensors(_ mapping: CompiledMapping) -> TextTable {
    var table = TextTable(header: ["Rule", "PyTorch", "Shape", "Flax", "Shape", "Role"])
    for tensor in mapping.tensors {
      let shapes = sourceShapes(tensor)
      for (index, source) in tensor.sources.enumerated() {
        let shape = shapes?[index].description ?? "?"
        table.rows.append(
          index == 0
            ? [
              String(tensor.rule), tensor.target.text, tensor.shape?.description ?? "?",
              source.text, shape,
              tensor.role.rawValue,
            ] : ["", "", "", source.text, shape, ""])
      }
    }
    for alias in mapping.aliases {
      table.rows.append([String(alias.rule), alias.name.text, "", "= \(alias.of)", "", "alias"])
    }
    return table
  }

  private static func sourceShapes(_ tensor: CompiledMapping.Tensor) -> [Shape]? {
    tensor.shape.flatMap { tensor.role.transform(to: $0, heads: tensor.heads) }?
      .placements.map(\.shape)
  }

  static func json(_ mapping: CompiledMapping) -> JSONValue {
    .object([
      "schema_version": .int(1),
      "model": .string(mapping.model.name),
      "tensors": .array(mapping.tensors.map(json)),
      "aliases": .array(
        mapping.aliases.map { .object(["name": .name($0.name), "of": .name($0.of)]) }),
    ])
  }

  private static func json(_ tensor: CompiledMapping.Tensor) -> JSONValue {
    let shapes = sourceShapes(tensor)
    return .object([
      "torch": .name(tensor.target),
      "torch_shape": tensor.shape.map { .ints($0.dimensions) } ?? .null,
      "flax": .array(
        tensor.sources.enumerated().map { index, name in
          .object([
            "name": .name(name),
            "shape": shapes.map { .ints($0[index].dimensions) } ?? .null,
          ])
        }),
      "role": .string(tensor.role.rawValue),
      "layout": .string(tensor.role.formula),
      "rule": .int(tensor.rule),
    ])
  }

  static func json(_ model: String, _ findings: [MappingLint.Finding]) -> JSONValue {
    .object([
      "model": .string(model),
      "findings": .array(
        findings.map {
          .object([
            "severity": .string($0.severity.rawValue), "subject": .string($0.subject),
            "message": .string($0.message),
          ])
        }),
    ])
  }

  /// What the mapping does with the tensor `name`, of either side.
  static func explain(
    _ name: TensorName, in mapping: CompiledMapping
  ) throws -> (lines: [String], json: JSONValue) {
    let alias = mapping.aliases.first { $0.name == name }
    let wanted = alias?.of ?? name
    let found = mapping.tensors.first { $0.target == wanted || $0.sources.contains(wanted) }
    guard let tensor = found else {
      throw CheckpointError(
        entry: name, "no rule of \(mapping.model.name) makes or consumes this tensor",
        advice: suggestion(
          for: name,
          among: mapping.targetNames + mapping.sourceNames + mapping.aliases.map(\.name)))
    }
    var lines: [String] = []
    if let alias { lines.append("\(name) shares storage with \(alias.of) (rule \(alias.rule))") }
    lines.append("\(tensor.target) \(tensor.shape?.description ?? "")")
    let shapes = sourceShapes(tensor)
    for (index, source) in tensor.sources.enumerated() {
      let role = index == 0 ? "  from " : "       "
      lines.append("\(role)\(source) \(shapes?[index].description ?? "")")
    }
    lines.append("  role   \(tensor.role.rawValue) (rule \(tensor.rule) of \(mapping.model.name))")
    lines.append("  layout \(tensor.role.formula)")
    return (
      lines,
      .object([
        "schema_version": .int(1), "model": .string(mapping.model.name),
        "tensors": .array([json(tensor)]),
        "aliases": .array(
          alias.map { [.object(["name": .name($0.name), "of": .name($0.of)])] } ?? []),
      ])
    )
  }
}
