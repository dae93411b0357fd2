import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping

/// What `convert` is about to write, and what it says of it.
struct Conversion {
  let outputs: [OutputTensor]
  /// What did not go into the output, and why.
  let notes: [String]
  /// In the words of the document's sides; `nil` where the format alone changes.
  let direction: String?
  /// The tensors of the source that go into the output.
  let sources: [TensorInfo]
  let model: String?
  private let root: TensorName
  private let steps: [Step]

  /// One output with its origin, for reports.
  private struct Step {
    let output: OutputTensor
    let sources: [TensorName]
    let role: String
    let rule: Int?
  }

  init(_ plan: ConversionPlan, _ checkpoint: Checkpoint) {
    outputs = plan.outputs(from: checkpoint.reader)
    direction = plan.model.name(of: plan.direction)
    sources = plan.sources
    model = plan.model.name
    root = plan.root
    steps = zip(outputs, plan.steps).map { output, step in
      Step(
        output: output, sources: step.sources.map(\.name),
        role: step.aliasOf == nil ? step.role : ConversionPlan.aliasRole,
        rule: step.rule)
    }
    notes = Self.leftOutNote(plan.leftOut, root: plan.root).map { [$0] } ?? []
  }

  /// The same tensors under the same names, in another format.
  init(formatOnly checkpoint: Checkpoint) throws {
    let lost = checkpoint.placeholders.filter { $0.kind == .data }
    guard lost.isEmpty else {
      throw CheckpointError(
        "\(lost.count) entries cannot be represented and would be lost: "
          + lost.prefix(4).map { "\($0.name) (\($0.reason))" }.joined(separator: ", ")
          + (lost.count > 4 ? ", …" : ""),
        advice: "leave them out with --exclude to convert the rest")
    }
    outputs = withAliases(checkpoint.tensors).map { tensor, aliasOf in
      OutputTensor(
        name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, aliasOf: aliasOf
      ) { sink in
        try checkpoint.stream(tensor, sink)
      }
    }
    direction = nil
    sources = checkpoint.tensors
    model = nil
    root = ""
    steps = outputs.map {
      Step(
        output: $0, sources: [$0.aliasOf ?? $0.name],
        role: $0.aliasOf == nil ? NamedLayout.copyName : ConversionPlan.aliasRole,
        rule: nil)
    }
    notes =
      Self.leftOutNote(checkpoint.placeholders.map { .placeholder($0) }, root: "").map { [$0] }
      ?? []
  }

  private static func leftOutNote(_ entries: [CheckpointEntry], root: TensorName) -> String? {
    guard !entries.isEmpty else { return nil }
    let names = entries.prefix(3).map(\.name.text).joined(separator: ", ")
    let place = root.isEmpty ? "" : " outside \(root)"
    return
      "left out \(counted(entries.count, "entry", "entries"))\(place), not parameters: \(names)"
      + (entries.count > 3 ? ", …" : "")
  }

  private init(_ other: Conversion, outputs: [OutputTensor], note: String?) {
    self.outputs = outputs
    notes = other.notes + (note.map { [$0] } ?? [])
    direction = other.direction
    sources = other.sources
    model = other.model
    root = other.root
    steps = zip(other.steps, outputs).map {
      Step(output: $1, sources: $0.sources, role: $0.role, rule: $0.rule)
    }
  }

  /// The same conversion with floating-point tensors cast.
  func cast(to dtype: DType, _ overflows: OverflowCount) -> Conversion {
    let kept = outputs.count { $0.dtype != dtype && !ElementCast.canCast($0.dtype) }
    return Conversion(
      self, outputs: outputs.map { $0.cast(to: dtype) { overflows.add($0) } },
      note: kept == 0
        ? nil : "\(counted(kept, "tensor")) that are no floating-point numbers keep their dtype")
  }

  /// How each output was made, for the certificate.
  var origins: [Certificate.Origin] {
    steps.map {
      .init(
        name: $0.output.name, sources: $0.sources, role: $0.role, rule: $0.rule,
        aliasOf: $0.output.aliasOf)
    }
  }

  /// One line on what was written.
  var summary: String {
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

  func table() -> TextTable {
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
  func json(to format: FormatName, _ notes: [String]) -> JSONValue {
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
