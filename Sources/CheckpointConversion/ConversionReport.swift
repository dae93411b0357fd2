package import CheckpointCore
package import CheckpointInspection

extension Conversion {
  /// One line on what was written.
  package var summary: String {
    let own = outputs.filter { $0.aliasOf == nil }
    let aliases = outputs.count - own.count
    let sources = Set(steps.flatMap(\.sources)).count
    return "\(counted(sources, "tensor")) became \(own.count)"
      + (aliases > 0 ? " and \(counted(aliases, "alias", "aliases"))" : "")
      + (model.map { " by the mapping \($0)" } ?? "")
      + (root.isEmpty ? "" : " from \(root)")
      + ", \(counted(own.reduce(0) { $0 + $1.shape.count }, "element")), "
      + byteSize(own.reduce(0) { $0 + $1.byteCount })
  }

  package func table() -> TextTable {
    var table = TextTable(header: ["Target", "Dtype", "Shape", "Role", "Source"])
    for step in steps {
      for (index, source) in step.sources.enumerated() {
        let output = step.output
        table.rows.append(
          index == 0
            ? [
              printable(output.name), output.dtype.name, output.shape.description, step.role,
              printable(output.aliasOf.map { "= \($0)" } ?? source.text),
            ] : ["", "", "", "", step.output.aliasOf == nil ? printable(source) : ""])
        if step.output.aliasOf != nil { break }
      }
    }
    return table
  }

  /// `schemas/convert.schema.json`.
  package func json(to format: FormatName, _ notes: [String]) -> JSONValue {
    .object([
      "schema_version": .int(1),
      "model": .optional(model),
      "root": .name(root),
      "format": .string(format.rawValue),
      "notes": .array(notes.map(JSONValue.string)),
      "tensors": .array(
        steps.map { step in
          .object([
            "name": .name(step.output.name),
            "dtype": .string(step.output.dtype.name),
            "shape": .ints(step.output.shape.dimensions),
            "alias_of": .name(step.output.aliasOf),
            "sources": .array(step.sources.map(JSONValue.name)),
            "role": .string(step.role),
            "rule": step.rule.map(JSONValue.int) ?? .null,
          ])
        }),
    ])
  }
}
