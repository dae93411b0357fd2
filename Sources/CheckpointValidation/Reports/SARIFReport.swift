import CheckpointCore

extension ValidationReport {
  /// SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format): what code scanning reads. A
  /// finding is about an artifact, the file, and a logical location in it, the tensor.
  var sarif: JSONValue {
    let kinds = FindingKind.allCases
    return .object([
      "$schema": .string("https://json.schemastore.org/sarif-2.1.0.json"),
      "version": .string("2.1.0"),
      "runs": .array([
        .object([
          "tool": .object([
            "driver": .object([
              "name": .string("savi-ckpt"),
              "semanticVersion": .string(toolVersion),
              "rules": .array(kinds.map(Self.rule)),
            ])
          ]),
          "columnKind": .string("unicodeCodePoints"),
          "artifacts": .array(
            files.map { .object(["location": .object(["uri": .string(Self.uri($0.file))])]) }),
          "results": .array(
            files.enumerated().flatMap { index, file in
              file.findings.map { result($0, file, index, waiver: nil) }
                + file.waived.map { result($0.finding, file, index, waiver: $0.waiver) }
            }),
        ])
      ]),
    ])
  }

  private static func rule(_ kind: FindingKind) -> JSONValue {
    .object([
      "id": .string(kind.id),
      "name": .string(
        kind.name.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }
          .joined()),
      "shortDescription": .object(["text": .string(kind.summary)]),
      "defaultConfiguration": .object(["level": .string(kind.severity.rawValue)]),
    ])
  }

  private func result(
    _ finding: Finding, _ file: FileReport, _ artifact: Int, waiver: Baseline.Waiver?
  ) -> JSONValue {
    var location: [JSONValue.Member] = [
      .init(
        "physicalLocation",
        .object([
          "artifactLocation": .object([
            "uri": .string(Self.uri(file.file)), "index": .int(artifact),
          ]),
          // Code scanning shows only what has a line, even in a file without any.
          "region": .object(["startLine": .int(1)]),
        ]))
    ]
    if let tensor = finding.tensor {
      location.append(
        .init(
          "logicalLocations",
          .array([
            .object(["fullyQualifiedName": .name(tensor), "kind": .string("member")])
          ])))
    }
    let text = (finding.tensor.map { "\(printable($0)): " } ?? "") + printable(finding.message)
    var members: [JSONValue.Member] = [
      .init("ruleId", .string(finding.kind.id)),
      .init("ruleIndex", .int(FindingKind.allCases.firstIndex(of: finding.kind) ?? 0)),
      .init("level", .string(finding.severity.rawValue)),
      .init("message", .object(["text": .string(text)])),
      .init("locations", .array([.object(location)])),
      .init(
        "partialFingerprints",
        .object([
          "tensorAndRule/v1": .string("\(finding.kind.id):\(finding.tensor?.text ?? "")")
        ])),
    ]
    if let waiver {
      members.append(
        .init(
          "suppressions",
          .array([
            .object([
              "kind": .string("external"), "status": .string("accepted"),
              "justification": .string("\(waiver.reason) (until \(waiver.expires))"),
            ])
          ])))
    }
    return .object(members)
  }

  /// A relative path as a URI reference (RFC 3986).
  private static func uri(_ path: String) -> String {
    let allowed = Set(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/".utf8)
    let encoded = path.utf8.map { byte in
      if allowed.contains(byte) { return String(UnicodeScalar(byte)) }
      let digits = String(byte, radix: 16, uppercase: true)
      return "%" + (digits.count < 2 ? "0" : "") + digits
    }.joined()
    return path.hasPrefix("/") ? "file://" + encoded : encoded
  }
}
