package import CheckpointCore
package import CheckpointInspection
package import CheckpointMapping

/// Mapping rules as text and as JSON (`schemas/map.schema.json`).
package enum MappingReport {
  package static func rules(_ model: ModelDocument) -> TextTable {
    let sides = [model.sides.target, model.sides.source].map(ModelDocument.Sides.title)
    var table = TextTable(header: ["Rule"] + sides + ["Role", "Layout"])
    for rule in model.rules {
      let ranges = rule.ranges.map {
        "\($0.variable) = \($0.bounds.lowerBound)…\($0.bounds.upperBound)"
      }.joined(separator: ", ")
      let note = ranges.isEmpty ? "" : "  (\(ranges))"
      let number = String(rule.number)
      switch rule.action {
      case .tensors(let tensors):
        for index in 0..<max(tensors.targets.count, tensors.sources.count) {
          let names = [tensors.targets, tensors.sources].map { patterns in
            patterns.indices.contains(index) ? patterns[index].description : ""
          }
          table.rows.append(
            [index == 0 ? number : ""] + names
              + (index == 0
                ? [tensors.layout.name, tensors.layout.layout.description + note] : ["", ""]))
        }
      case .alias(let name, let of):
        table.rows.append([number, name.description, "", "alias", "= \(of)"])
      case .drop(let name):
        table.rows.append([number, "", name.description, "drop", ""])
      case .constant(let constant):
        table.rows.append(
          [number, constant.target.description, "", "constant", constant.description + note])
      case .template(let name):
        table.rows.append([number, name.description, "", "template", note])
      }
    }
    return table
  }

  package static func tensors(_ mapping: CompiledMapping) -> TextTable {
    let sides = [mapping.model.sides.target, mapping.model.sides.source]
      .map(ModelDocument.Sides.title)
    var table = TextTable(header: ["Rule", sides[0], "Shape", sides[1], "Shape", "Role"])
    for tensor in mapping.tensors {
      for index in 0..<max(tensor.targets.count, tensor.sources.count) {
        let target = tensor.targets.indices.contains(index) ? tensor.targets[index].text : ""
        let source = tensor.sources.indices.contains(index) ? tensor.sources[index].text : ""
        let shape = tensor.shapes.indices.contains(index) ? tensor.shapes[index].description : "?"
        table.rows.append([
          index == 0 ? String(tensor.rule) : "", target, target.isEmpty ? "" : shape, source,
          source.isEmpty ? "" : tensor.sourceShape?.description ?? "?",
          index == 0 ? tensor.layout.title : "",
        ])
      }
    }
    for alias in mapping.aliases {
      table.rows.append([String(alias.rule), alias.name.text, "", "= \(alias.of)", "", "alias"])
    }
    return table
  }

  package static func json(_ mapping: CompiledMapping) -> JSONValue {
    .object([
      "schema_version": .int(1),
      "model": .string(mapping.model.name),
      "tensors": .array(mapping.targets.map(json)),
      "aliases": .array(
        mapping.aliases.map { .object(["name": .string($0.name.text), "of": .string($0.of.text)]) }),
    ])
  }

  private static func json(_ target: CompiledMapping.Target) -> JSONValue {
    let shape = target.origin.sourceShape.map { JSONValue.ints($0.dimensions) } ?? .null
    let sources = target.origin.sources.map { name in
      JSONValue.object(["name": .string(name.text), "shape": shape])
    }
    return .object([
      "torch": .string(target.name.text),
      "torch_shape": target.shape.map { .ints($0.dimensions) } ?? .null,
      "flax": .array(sources),
      "role": .string(target.origin.layout.title),
      "layout": .string(target.origin.layout.layout.description),
      "rule": .int(target.origin.rule),
    ])
  }

  package static func json(_ model: String, _ findings: [MappingLint.Finding]) -> JSONValue {
    .object([
      "model": .string(model),
      "findings": .array(
        findings.map {
          .object([
            "id": .string($0.id.rawValue), "severity": .string($0.severity.rawValue),
            "subject": .string($0.subject),
            "message": .string($0.message),
          ])
        }),
    ])
  }

  /// What the mapping does with the tensor `name`, of either side.
  package static func explain(
    _ name: TensorName, in mapping: CompiledMapping
  ) throws -> (lines: [String], json: JSONValue) {
    let alias = mapping.aliases.first { $0.name == name }
    let wanted = alias?.of ?? name
    let found = mapping.targets.first { $0.name == wanted || $0.origin.sources.contains(wanted) }
    guard let target = found else {
      throw CheckpointError(
        entry: name.text, "no rule of \(mapping.model.name) makes or consumes this tensor",
        advice: suggestion(
          for: name,
          among: mapping.targetNames + mapping.sourceNames + mapping.aliases.map(\.name)))
    }
    let tensor = target.origin
    var lines: [String] = []
    if let alias { lines.append("\(name) shares storage with \(alias.of) (rule \(alias.rule))") }
    lines.append("\(target.name)\(target.shape.map { " \($0)" } ?? "")")
    let shape = tensor.sourceShape.map { " \($0)" } ?? ""
    for (index, source) in tensor.sources.enumerated() {
      lines.append("\(index == 0 ? "  from " : "       ")\(source)\(shape)")
    }
    lines.append("  role   \(tensor.layout.title) (rule \(tensor.rule) of \(mapping.model.name))")
    lines.append("  layout \(tensor.layout.layout)")
    return (
      lines,
      .object([
        "schema_version": .int(1), "model": .string(mapping.model.name),
        "tensors": .array([json(target)]),
        "aliases": .array(
          alias.map { [.object(["name": .string($0.name.text), "of": .string($0.of.text)])] } ?? []),
      ])
    )
  }
}
