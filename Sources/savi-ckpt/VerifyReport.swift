import CheckpointCore
import CheckpointInspection
import CheckpointMapping
import ReferenceLayers
import SAVIModel

/// A verification for a person, as text or Markdown, and for a program.
struct VerifyReport {
  private let verification: Verification
  private let files: [String]
  private let models: [ReferenceModel]
  private let clip: Clip
  private let inputs: String?
  private let reference: String?
  private let conventions: ConventionsName
  private let tolerances: Tolerances
  private let precision: ReferenceModel.Precision

  init(
    _ verification: Verification, files: [String], models: [ReferenceModel], clip: Clip,
    inputs: String?, reference: String?, conventions: ConventionsName, tolerances: Tolerances,
    precision: ReferenceModel.Precision
  ) {
    self.verification = verification
    self.files = files
    self.models = models
    self.clip = clip
    self.inputs = inputs
    self.reference = reference
    self.conventions = conventions
    self.tolerances = tolerances
    self.precision = precision
  }

  var text: [String] {
    lines {
      $0
    } table: {
      $0.plain()
    }
  }
  var markdown: [String] {
    lines {
      "### " + $0
    } table: {
      [""] + $0.markdown() + [""]
    }
  }

  private func lines(
    _ heading: (String) -> String, table: (TextTable) -> [String]
  ) -> [String] {
    var lines = summary
    lines += ["", heading("1. Weights: \(weightsQuestion)")]
    lines += table(stageTable(verification.weights)) + [weightsVerdict] + partingLines
    lines += verification.recording.map(recordingLines) ?? []
    if let tensors = verification.tensors {
      lines += ["", heading("2. Parameters: what a forward pass cannot see, compared as tensors")]
      lines += table(parameterTable(tensors)) + [parametersVerdict] + differenceLines(tensors)
    }
    if let module = verification.module {
      let beside = module.isBesideItself ? ", beside itself with Flax's conventions" : ""
      lines += ["", heading("3. Module: \(torchFile), run as the PyTorch port computes\(beside)")]
      lines += table(stageTable(module.stages)) + moduleLines(module)
    }
    return lines
  }

  private var summary: [String] {
    let source = inputs.map(printable) ?? "moving boxes"
    let common = tolerances.common
    return [
      "\(models[0].architecture.name) on \(source): \(counted(clip.batch, "clip")) of "
        + "\(counted(clip.frames, "frame")), \(counted(clip.slots, "slot")), "
        + precision.rawValue,
      "tolerance: |a - b| <= \(common.absolute) + \(common.relative) * |b|"
        + tolerances.perStage.sorted { $0.key.rawValue < $1.key.rawValue }.map {
          ", \($0.key.rawValue) \($0.value.absolute) + \($0.value.relative) * |b|"
        }.joined(),
    ]
  }

  private var weightsQuestion: String {
    if let reference {
      return "\(printable(files[0])) with \(conventions == .flax ? "Flax" : "the port")'s "
        + "conventions, beside the recording \(printable(reference))"
    }
    return "\(printable(files[1])) beside \(printable(files[0])), both with Flax's conventions"
  }

  private var torchFile: String {
    let index = models.lastIndex { $0.framework == .torch } ?? 0
    return printable(files[index])
  }

  private func stageTable(_ comparisons: [StageComparison]) -> TextTable {
    TextTable(
      header: ["Stage", "Max", "Mean", "Relative", "Cosine", "Verdict"],
      rows: comparisons.map { comparison in
        guard comparison.stage != .segmentations else {
          let share = Double(comparison.beyond) / Double(max(comparison.count, 1))
          return [
            comparison.stage.rawValue, "", "", "", "",
            comparison.agrees
              ? "agrees" : "PARTS: \(percent(share)) of the labels differ",
          ]
        }
        return [
          comparison.stage.rawValue, pythonThreeDigits(comparison.maximum),
          pythonThreeDigits(comparison.mean), pythonThreeDigits(comparison.relative),
          cosine(comparison.cosine), comparison.agrees ? "agrees" : "PARTS",
        ]
      })
  }

  /// Ten digits: the cosine of a difference of 1e-5 is 1 - 5e-11.
  private func cosine(_ value: Double) -> String {
    guard value.isFinite else { return "nan" }
    let digits = String(Int((value.magnitude * 1e10).rounded()))
    let padded = String(repeating: "0", count: max(0, 11 - digits.count)) + digits
    return (value < 0 ? "-" : "") + padded.dropLast(10) + "." + padded.suffix(10)
  }

  private func percent(_ share: Double) -> String {
    let tenths = Int((share * 1000).rounded())
    return "\(tenths / 10).\(tenths % 10) %"
  }

  private var weightsVerdict: String {
    guard let place = verification.firstPlace else { return "The weights agree at every stage." }
    return "The models part at \(place.stage.rawValue), frame \(place.frame)"
      + (clip.batch > 1 ? " of clip \(place.clip)." : ".")
  }

  private var partingLines: [String] {
    guard let parting = verification.parting else { return [] }
    var lines = [
      "First layer to part: \(parting.layer) (frame \(parting.frame)"
        + (clip.batch > 1 ? " of clip \(parting.clip)" : "")
        + "), by \(pythonThreeDigits(parting.difference)) of "
        + pythonThreeDigits(parting.magnitude)
    ]
    lines += verification.suspects.map {
      "  \(printable($0.tensor)) \($0.finding) (from \($0.sources.map(\.text).joined(separator: ", ")))"
    }
    return lines
  }

  private func recordingLines(_ diagnosis: RecordingDiagnosis) -> [String] {
    var lines = diagnosis.causes.isEmpty ? [] : ["The recorded model computes otherwise than Flax:"]
    for cause in diagnosis.causes {
      let rest = cause.remaining == 0 ? "none" : pythonThreeDigits(cause.remaining)
      lines += [
        "- \(cause.convention.rawValue), from \(cause.stage.rawValue) on "
          + "(\(pythonThreeDigits(cause.difference)) there; \(rest) once it is switched)",
        "  fix: \(cause.fix)",
      ]
    }
    if let stage = diagnosis.unexplained {
      lines.append("No known convention explains the rest, from \(stage.rawValue) on.")
    }
    return lines
  }

  private func parameterTable(_ tensors: TensorComparison) -> TextTable {
    let hidden = verification.hidden.map {
      [$0.parameter.name, pythonThreeDigits($0.maximum), $0.agrees ? "agrees" : "DIFFERS"]
    }
    let all = [
      "all \(tensors.count) tensors, by the mapping", pythonThreeDigits(tensors.maximum),
      tensors.differences.isEmpty ? "agree" : "\(tensors.differences.count) DIFFER",
    ]
    return TextTable(header: ["Parameter", "Max", "Verdict"], rows: hidden + [all])
  }

  private var parametersVerdict: String {
    switch (verification.firstPlace == nil, verification.parametersAgree) {
    case (true, true): "These agree too: the conversion is right."
    case (true, false):
      "These differ: on this clip the output does not show it, but the conversion is wrong."
    case (false, true): "These agree."
    case (false, false): "These differ as well."
    }
  }

  /// Tensors named beneath the verdict; more would only repeat it.
  private static let shownDifferences = 8

  private func differenceLines(_ tensors: TensorComparison) -> [String] {
    // Those of the first layer to part have been named with what is wrong with them.
    let named = Set(verification.suspects.map(\.tensor))
    let others = tensors.differences.filter { !named.contains($0.tensor) }
    let shown = others.prefix(Self.shownDifferences).map {
      "  \(printable($0.tensor)) by \(pythonThreeDigits($0.maximum))"
    }
    let rest = others.count - shown.count
    return shown + (rest > 0 ? ["  and \(rest) more"] : [])
  }

  private func moduleLines(_ module: Verification.Module) -> [String] {
    guard let diagnosis = module.diagnosis else {
      return ["The module computes what the Flax model does."]
    }
    guard !diagnosis.causes.isEmpty || diagnosis.unexplained != nil else {
      return ["With its own weights the module computes what Flax does."]
    }
    var lines = ["The module computes something else, with the same weights:"]
    for cause in diagnosis.causes {
      lines += [
        "- \(cause.convention.rawValue), from \(cause.parting.layer) on "
          + "(\(pythonThreeDigits(cause.parting.difference)) of "
          + "\(pythonThreeDigits(cause.parting.magnitude)) there; none once it is switched)",
        "  alone it moves \(effects(cause.effects))",
        "  fix: \(cause.fix)",
      ]
    }
    if let rest = diagnosis.unexplained {
      lines.append(
        "- no known convention explains the rest, from \(rest.layer) on "
          + "(\(pythonThreeDigits(rest.difference)) of \(pythonThreeDigits(rest.magnitude)))")
    }
    return lines
  }

  private func effects(_ comparisons: [StageComparison]) -> String {
    let moved = comparisons.compactMap { comparison -> String? in
      if comparison.stage == .segmentations {
        let share = Double(comparison.beyond) / Double(max(comparison.count, 1))
        return comparison.beyond == 0 ? nil : "\(percent(share)) of the labels"
      }
      return comparison.maximum == 0
        ? nil : "\(comparison.stage.rawValue) by \(pythonThreeDigits(comparison.maximum))"
    }
    return moved.isEmpty ? "nothing" : moved.joined(separator: ", ")
  }
}

extension VerifyReport {
  /// `schemas/verify.schema.json`.
  var json: JSONValue {
    .object([
      "schema_version": .int(1),
      "model": .string(models[0].architecture.name),
      "files": .array(files.map(JSONValue.string)),
      "inputs": .optional(inputs),
      "reference": .optional(reference),
      "precision": .string(precision.rawValue),
      "frames": .int(clip.frames), "batch": .int(clip.batch), "slots": .int(clip.slots),
      "agrees": .bool(verification.weightsAgree),
      "weights": .object([
        "conventions": .string(conventions.rawValue),
        "agrees": .bool(verification.weights.allSatisfy(\.agrees)),
        "stages": stages(verification.weights),
        "first_stage": .optional(verification.firstPlace?.stage.rawValue),
        "first_layer": verification.parting.map(parting) ?? .null,
        "suspects": .array(
          verification.suspects.map {
            .object([
              "tensor": .name($0.tensor), "sources": .array($0.sources.map(JSONValue.name)),
              "finding": .string($0.finding),
            ])
          }),
        "causes": .array(
          (verification.recording?.causes ?? []).map {
            .object([
              "convention": .string($0.convention.rawValue), "stage": .string($0.stage.rawValue),
              "difference": .finite($0.difference), "remaining": .finite($0.remaining),
              "fix": .string($0.fix),
            ])
          }),
        "unexplained": .optional(verification.recording?.unexplained?.rawValue),
      ]),
      "hidden": .array(
        verification.hidden.map {
          .object([
            "parameter": .string($0.parameter.name), "max": .finite($0.maximum),
            "agrees": .bool($0.agrees),
          ])
        }),
      "tensors": verification.tensors.map { tensors in
        .object([
          "count": .int(tensors.count), "max": .finite(tensors.maximum),
          "differences": .array(
            tensors.differences.map {
              .object(["tensor": .name($0.tensor), "max": .finite($0.maximum)])
            }),
        ])
      } ?? .null,
      "module": verification.module.map(module) ?? .null,
    ])
  }

  private func stages(_ comparisons: [StageComparison]) -> JSONValue {
    .array(
      comparisons.map {
        .object([
          "stage": .string($0.stage.rawValue), "agrees": .bool($0.agrees),
          "max": .finite($0.maximum), "mean": .finite($0.mean), "relative": .finite($0.relative),
          "cosine": .finite($0.cosine), "count": .int($0.count), "beyond": .int($0.beyond),
          "atol": .double($0.tolerance.absolute), "rtol": .double($0.tolerance.relative),
        ])
      })
  }

  private func parting(_ parting: Parting) -> JSONValue {
    .object([
      "layer": .string(parting.layer.description), "clip": .int(parting.clip),
      "frame": .int(parting.frame),
      "difference": .finite(parting.difference), "magnitude": .finite(parting.magnitude),
    ])
  }

  private func module(_ module: Verification.Module) -> JSONValue {
    .object([
      "agrees": .bool(module.agrees),
      "beside_itself": .bool(module.isBesideItself),
      "stages": stages(module.stages),
      "causes": .array(
        (module.diagnosis?.causes ?? []).map { cause in
          .object([
            "convention": .string(cause.convention.rawValue),
            "first_layer": parting(cause.parting), "effects": stages(cause.effects),
            "fix": .string(cause.fix),
          ])
        }),
      "unexplained": module.diagnosis?.unexplained.map(parting) ?? .null,
    ])
  }
}
