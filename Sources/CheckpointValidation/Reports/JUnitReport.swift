import CheckpointCore

extension ValidationReport {
  /// JUnit's XML, in the form that Jenkins' xUnit schema (junit-10.xsd) describes and GitLab and
  /// others read: a suite per file, a case per tensor with findings, and one for the whole file.
  var junit: String {
    var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#]
    let suites = files.map(cases)
    lines.append(
      "<testsuites name=\"savi-ckpt validate\" tests=\"\(suites.reduce(0) { $0 + $1.count })\" "
        + "failures=\"\(suites.joined().count(where: \.isFailure))\">")
    for (file, cases) in zip(files, suites) {
      lines.append(
        "  <testsuite name=\"\(markupEscaped(file.file))\" tests=\"\(cases.count)\" "
          + "failures=\"\(cases.count(where: \.isFailure))\" errors=\"0\" skipped=\"0\">")
      lines += cases.flatMap { $0.lines(in: file.file) }
      lines.append("  </testsuite>")
    }
    return (lines + ["</testsuites>"]).joined(separator: "\n")
  }

  private struct Case {
    let name: String
    let failures: [Finding]
    let others: [Finding]

    var isFailure: Bool { !failures.isEmpty }

    func lines(in file: String) -> [String] {
      let head =
        "    <testcase classname=\"\(markupEscaped(file))\" name=\"\(markupEscaped(name))\""
      guard !failures.isEmpty || !others.isEmpty else { return [head + "/>"] }
      // The schema allows one failure per case.
      var body: [String] = []
      if let first = failures.first {
        let text = failures.map { "\($0.kind.id) \($0.kind.name): \($0.message)" }
        body.append(
          "      <failure type=\"\(first.kind.id)\" message=\"\(markupEscaped(first.message))\">"
            + markupEscaped(text.joined(separator: "\n")) + "</failure>")
      }
      if !others.isEmpty {
        let text = others.map {
          "\($0.severity.rawValue) \($0.kind.id) \($0.kind.name): \($0.message)"
        }
        body.append(
          "      <system-out>" + markupEscaped(text.joined(separator: "\n")) + "</system-out>")
      }
      return [head + ">"] + body + ["    </testcase>"]
    }
  }

  private func cases(_ file: FileReport) -> [Case] {
    var names: [TensorName] = []
    var byName: [TensorName: [Finding]] = [:]
    for finding in file.findings {
      let name = finding.tensor ?? Self.wholeFile
      if byName[name] == nil { names.append(name) }
      byName[name, default: []].append(finding)
    }
    if byName[Self.wholeFile] == nil { names.append(Self.wholeFile) }
    return names.map { name in
      let findings = byName[name] ?? []
      return Case(
        name: name.text, failures: findings.filter { $0.severity >= failOn },
        others: findings.filter { $0.severity < failOn })
    }
  }

  private static let wholeFile: TensorName = "(the whole file)"
}
