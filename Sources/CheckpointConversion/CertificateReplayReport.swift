package import CheckpointCore

extension CertificateReplay {
  private static let shown = 8

  package var text: [String] {
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
  package var json: JSONValue {
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
