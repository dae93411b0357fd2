public import CheckpointCore
import CheckpointInspection

/// A verification of two recordings, for a person and for a program.
public struct RecordingReport {
  private let verification: RecordingVerification
  private let source: String
  private let converted: String

  /// - Parameters:
  ///   - source: how the source's recording is called.
  ///   - converted: how the other is.
  public init(_ verification: RecordingVerification, source: String, converted: String) {
    self.verification = verification
    self.source = source
    self.converted = converted
  }

  /// Its lines.
  public var text: [String] { lines(heading: "", item: "- ", code: "") }
  /// Its lines, as Markdown.
  public var markdown: [String] { lines(heading: "### ", item: "- ", code: "`") }

  private func lines(heading: String, item: String, code: String) -> [String] {
    let faults = verification.faults
    var lines = [
      "\(heading)\(printable(converted)) beside \(printable(source)): "
        + "\(counted(verification.calls, "call")) compared"
    ]
    lines += verification.layouts.map {
      "\(item)layout \(code)\($0.layout)\(code): \(counted($0.count, "tensor"))"
    }
    for (index, fault) in faults.enumerated() {
      lines += ["", "\(heading)Fault \(index + 1): \(headline(fault))"]
      lines += fault.causes.flatMap { cause(item, $0) }
      if fault.causes.isEmpty { lines.append(unexplained(item, fault)) }
    }
    lines.append("")
    lines.append(
      faults.isEmpty
        ? "The two runs agree." : "The two runs part: \(counted(faults.count, "fault")).")
    lines += remarks(item)
    return lines
  }

  private func headline(_ fault: Fault) -> String {
    let share =
      fault.maximum.isNaN
      ? "by its extents, or in what is no number"
      : "by \(pythonThreeDigits(fault.maximum)), \(percent(fault.relative)) of its largest element"
    let names = "\(name(fault.source)) -> \(name(fault.converted))"
    return switch fault.kind {
    case .layer: "the layer \(names) parts \(share)"
    case .between: "before \(names): its input is the first to part, \(share)"
    }
  }

  private func name(_ path: String) -> String {
    path.isEmpty ? "the model's output" : printable(path)
  }

  private func cause(_ item: String, _ cause: Cause) -> [String] {
    var figures: [String] = []
    if let effect = cause.effect {
      figures.append("alone it moves the output by \(percent(effect))")
    }
    if let explains = cause.explains {
      figures.append("explains \(percent(explains)) of the difference")
    }
    return ["\(item)\(cause.id): \(printable(cause.text))"]
      + (figures.isEmpty ? [] : ["  " + figures.joined(separator: "; ")])
      + ["  fix: \(cause.fix)"]
  }

  private func unexplained(_ item: String, _ fault: Fault) -> String {
    switch fault.kind {
    case .layer: "\(item)no known convention explains it"
    case .between: "\(item)look at what is computed between the calls before it and this one"
    }
  }

  private func remarks(_ item: String) -> [String] {
    var lines = verification.unpaired.map {
      "\(item)not compared, without a counterpart: \(printable($0.path)) (\(printable($0.className)), \($0.side.rawValue))"
    }
    if !verification.unjudged.isEmpty {
      lines.append(
        "\(item)not judged behind a fault: \(verification.unjudged.map(printable).joined(separator: ", "))"
      )
    }
    lines += verification.ineffective.map {
      "\(item)differs without an effect in this run: \(printable($0.converted)): \($0.cause.id), "
        + printable($0.cause.text)
    }
    return lines + verification.notes.map { "\(item)\(printable($0))" }
  }

  private func percent(_ share: Double) -> String {
    guard share.isFinite else { return "more than all" }
    let value = share * 100
    return value >= 99.95 || value == 0 || (value >= 0.1 && value < 100)
      ? "\((value * 10).rounded() / 10) %" : "\(pythonThreeDigits(value)) %"
  }

  /// The document that `schemas/verify-recordings.schema.json` describes.
  public var json: JSONValue {
    .object([
      "schema_version": .int(1), "agrees": .bool(verification.agrees),
      "calls": .int(verification.calls),
      "unpaired": .array(
        verification.unpaired.map {
          .object([
            "side": .string($0.side.rawValue), "path": .string($0.path),
            "class": .string($0.className),
          ])
        }),
      "faults": .array(verification.faults.map(fault)),
      "without_effect": .array(
        verification.ineffective.map {
          .object(["converted": .string($0.converted), "cause": json($0.cause)])
        }),
      "unjudged": .array(verification.unjudged.map(JSONValue.string)),
      "layouts": .array(
        verification.layouts.map {
          .object(["layout": .string($0.layout), "tensors": .int($0.count)])
        }),
      "notes": .array(verification.notes.map(JSONValue.string)),
    ])
  }

  private func fault(_ fault: Fault) -> JSONValue {
    .object([
      "kind": .string(fault.kind.rawValue), "source": .string(fault.source),
      "converted": .string(fault.converted), "max": .finite(fault.maximum),
      "relative": .finite(fault.relative), "causes": .array(fault.causes.map(json)),
    ])
  }

  private func json(_ cause: Cause) -> JSONValue {
    .object([
      "id": .string(cause.id), "explains": cause.explains.map(JSONValue.finite) ?? .null,
      "effect": cause.effect.map(JSONValue.finite) ?? .null, "text": .string(cause.text),
      "fix": .string(cause.fix),
    ])
  }
}
