import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping

/// Replays the conversion that a certificate records: both files are what they were, the source
/// still becomes the target, and the target the source.
struct CertificateReplay {
  /// One thing that the certificate says.
  struct Check {
    let claim: String
    /// What does not hold; empty where it does.
    let problems: [String]
    /// Why it could not be checked.
    let skipped: String?
  }

  let certificate: Certificate
  let checks: [Check]

  var holds: Bool { checks.allSatisfy(\.problems.isEmpty) }

  /// - Parameters:
  ///   - files: the source and the target, where they are not where the certificate says.
  ///   - map: the model document, where it is not the recorded one.
  init(_ path: String, files: [String], map: String?) throws {
    certificate = try CertificateFile.read(path)
    let places =
      files.isEmpty
      ? [certificate.source.file, certificate.target.file].map { Self.resolve($0, beside: path) }
      : files
    let selection = EntrySelection(
      key: certificate.selection.key.map { TensorName($0) }, include: certificate.selection.include,
      exclude: certificate.selection.exclude)
    let source = try Checkpoint(path: places[0], selection: selection)
    let target = try Checkpoint(path: places[1])
    let targetHash = try target.hash(of: target.tensors)
    guard let way = certificate.direction, let recorded = map ?? certificate.map else {
      let there = try Conversion(formatOnly: source)
      checks = [
        Self.compare(
          Self.sourceClaim, try source.hash(of: source.tensors), certificate.source),
        Self.compare(Self.targetClaim, targetHash, certificate.target),
        try Self.forward(there.outputs, certificate),
        try Self.inverse(certificate) { try Conversion(formatOnly: target).outputs },
      ]
      return
    }
    let document = try Models.load(
      map == nil && !BuiltInModels.names.contains(recorded)
        ? Self.resolve(recorded, beside: path) : recorded)
    guard let direction = document.direction(named: way) else {
      throw CheckpointError("the mapping \(document.name) leads nowhere called '\(way)'")
    }
    let plan = try Self.plan(source, document, direction)
    checks = [
      Self.compare(
        Self.sourceClaim, try source.hash(of: plan.sources), certificate.source),
      Self.compare(Self.targetClaim, targetHash, certificate.target),
      try Self.forward(plan.outputs(from: source.reader), certificate),
      try Self.origins(plan, certificate),
      try Self.inverse(certificate) {
        try Self.plan(target, document, direction.reversed).outputs(from: target.reader)
      },
    ]
  }

  private static let sourceClaim = "the source has the recorded hashes"
  private static let targetClaim = "the target has the recorded hashes"

  /// A relative path as it was given, or else beside the certificate.
  private static func resolve(_ path: String, beside certificate: String) -> String {
    guard !path.hasPrefix("/"), (try? RandomAccessFile(path: path)) == nil,
      let slash = certificate.lastIndex(of: "/")
    else { return path }
    return certificate[...slash] + path
  }

  private static func plan(
    _ checkpoint: Checkpoint, _ document: ModelDocument, _ direction: ConversionDirection
  ) throws -> ConversionPlan {
    try inFile(checkpoint.path) {
      try ModelMatcher.plan(checkpoint.entries, models: [document], direction: direction)
    }
  }

  /// The conversion made again gives the target's recorded hashes.
  private static func forward(
    _ outputs: [OutputTensor], _ certificate: Certificate
  ) throws -> Check {
    var outputs = outputs
    if let name = certificate.dtype {
      guard let dtype = DType(rawValue: name) else {
        throw CheckpointError("the certificate's dtype '\(name)' is not known")
      }
      outputs = outputs.map { $0.cast(to: dtype) { _ in } }
    }
    // Formats without shared storage may leave second names out.
    let recorded = Set(certificate.target.tensors.map(\.name))
    let written = outputs.filter { $0.aliasOf == nil || recorded.contains($0.name) }
    return compare(
      "converting the source gives the target",
      try CheckpointHash(written, threads: Machine.processorCount), certificate.target)
  }

  /// Every tensor is made by the recorded rule, in the recorded role, from the recorded sources.
  private static func origins(_ plan: ConversionPlan, _ certificate: Certificate) throws -> Check {
    let steps = Dictionary(
      plan.steps.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let recorded = Set(certificate.origins.map(\.name))
    var problems = plan.steps.map(\.name).filter { !recorded.contains($0) }.map {
      "\($0): the certificate does not say how it was made"
    }
    problems += certificate.origins.compactMap { origin -> String? in
      guard let step = steps[origin.name] else { return "\(origin.name): no rule makes it now" }
      guard step.rule == origin.rule, step.sources.map(\.name) == origin.sources,
        step.aliasOf == origin.aliasOf
      else { return "\(origin.name): another rule makes it now" }
      let role = step.aliasOf == nil ? step.role : ConversionPlan.aliasRole
      return role == origin.role
        ? nil : "\(origin.name): its role is \(role) now, \(origin.role) then"
    }
    return Check(
      claim: "every tensor has its recorded rule and role", problems: problems, skipped: nil)
  }

  /// The target converted back gives the source's recorded hashes.
  private static func inverse(
    _ certificate: Certificate, _ outputs: () throws -> [OutputTensor]
  ) throws -> Check {
    let claim = "converting the target back gives the source"
    do {
      let recorded = Dictionary(
        certificate.source.tensors.map { ($0.name, DType(rawValue: $0.dtype)) },
        uniquingKeysWith: { first, _ in first })
      // A cast is undone where nothing was rounded.
      let back = try outputs().filter { $0.aliasOf == nil || recorded[$0.name] != nil }.map {
        output in
        recorded[output.name].flatMap(\.self).map { output.cast(to: $0) { _ in } } ?? output
      }
      let check = compare(
        claim, try CheckpointHash(back, threads: Machine.processorCount), certificate.source)
      guard let dtype = certificate.dtype, !check.problems.isEmpty else { return check }
      return Check(
        claim: claim, problems: [],
        skipped: "the conversion rounded to \(dtype), which cannot be undone")
    } catch let error as CheckpointError {
      return Check(claim: claim, problems: [error.description], skipped: nil)
    }
  }

  private static func compare(
    _ claim: String, _ hash: CheckpointHash, _ recorded: Certificate.Side
  ) -> Check {
    let found = Dictionary(
      hash.side("").tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let expected = Set(recorded.tensors.map(\.name))
    var problems = recorded.tensors.compactMap { digest -> String? in
      guard let tensor = found[digest.name] else { return "\(digest.name) is missing" }
      return tensor == digest ? nil : "\(digest.name) has another dtype, shape or elements"
    }
    problems += found.keys.filter { !expected.contains($0) }.sorted().map { "\($0) is new" }
    if problems.isEmpty, hash.root != recorded.root {
      problems.append("the hash of the whole is \(hash.root), \(recorded.root) recorded")
    }
    return Check(claim: claim, problems: problems, skipped: nil)
  }

  private static let shown = 8

  var text: [String] {
    var lines = [
      "\(printable(certificate.source.file)) -> \(printable(certificate.target.file))"
        + (certificate.map.map { " by the mapping \(printable($0))" } ?? ", the format alone")
        + ", savi-ckpt \(certificate.toolVersion)"
    ]
    for check in checks {
      let verdict =
        check.skipped.map { "not checked: \($0)" }
        ?? (check.problems.isEmpty ? "holds" : "DOES NOT HOLD")
      lines.append("\(check.claim): \(verdict)")
      lines += check.problems.prefix(Self.shown).map { "  " + printable($0) }
      if check.problems.count > Self.shown {
        lines.append("  and \(check.problems.count - Self.shown) more")
      }
    }
    return lines
  }

  /// `schemas/replay.schema.json`.
  var json: JSONValue {
    .object([
      "schema_version": .int(1),
      "source": .string(certificate.source.file),
      "target": .string(certificate.target.file),
      "map": .optional(certificate.map),
      "holds": .bool(holds),
      "checks": .array(
        checks.map {
          .object([
            "claim": .string($0.claim),
            "holds": $0.skipped == nil ? .bool($0.problems.isEmpty) : .null,
            "problems": .array($0.problems.map(JSONValue.string)),
            "skipped": .optional($0.skipped),
          ])
        }),
    ])
  }
}
