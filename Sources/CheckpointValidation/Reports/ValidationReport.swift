import CheckpointCore
import CheckpointInspection

/// A validation in every form that people and CI systems read.
package struct ValidationReport: Sendable {
  package enum Output: String, Sendable, CaseIterable {
    case text, json, junit, sarif, github, markdown
  }

  let schema: String
  let files: [FileReport]
  /// From which severity on a finding fails the run.
  let failOn: Severity
  let toolVersion: String

  package init(schema: String, files: [FileReport], failOn: Severity, toolVersion: String) {
    self.schema = schema
    self.files = files
    self.failOn = failOn
    self.toolVersion = toolVersion
  }

  /// Whether the weights are not what they should be.
  package var fails: Bool { findings.contains { $0.severity >= failOn } }

  /// Whether a file, or data in it, could not be read, or there was nothing to check.
  package var isBadInput: Bool { findings.contains { $0.kind.isBadInput } }

  var findings: [Finding] { files.flatMap(\.findings) }

  func count(_ severity: Severity) -> Int { findings.count { $0.severity == severity } }

  package func text(_ output: Output) -> String {
    switch output {
    case .text: plain
    case .json: json.serialized(pretty: true)
    case .junit: junit
    case .sarif: sarif.serialized(pretty: true)
    case .github: github
    case .markdown: markdown
    }
  }

  private var plain: String {
    var lines: [String] = []
    for file in files {
      let verdict =
        file.findings.contains { $0.severity >= failOn }
        ? "FAILED" : file.findings.isEmpty ? "ok" : "passed with findings"
      lines.append(
        "\(printable(file.file)): \(verdict), \(counted(file.checkedTensors, "tensor")) checked"
          + (file.waived.isEmpty ? "" : ", \(counted(file.waived.count, "finding")) waived"))
      for finding in file.findings {
        lines.append(
          "  \(finding.severity.rawValue) \(finding.kind.id) \(finding.kind.name)"
            + (finding.tensor.map { " \(printable($0))" } ?? "") + ": \(oneLine(finding.message))"
        )
      }
    }
    return (lines + [summary]).joined(separator: "\n")
  }

  var summary: String {
    "\(counted(files.count, "file")) against \(printable(schema)): "
      + "\(counted(count(.error), "error")), \(counted(count(.warning), "warning")), "
      + "\(counted(count(.note), "note"))"
  }

  /// `schemas/validate.schema.json`.
  private var json: JSONValue {
    .object([
      "schema_version": .int(1),
      "schema": .string(schema),
      "passed": .bool(!fails && !isBadInput),
      "errors": .int(count(.error)), "warnings": .int(count(.warning)), "notes": .int(count(.note)),
      "files": .array(
        files.map { file in
          .object([
            "file": .string(file.file),
            "checked_tensors": .int(file.checkedTensors),
            "findings": .array(file.findings.map { .object(Self.members($0)) }),
            "waived": .array(
              file.waived.map { finding, waiver in
                .object(
                  Self.members(finding) + [
                    .init("reason", .string(waiver.reason)),
                    .init("expires", .string(waiver.expires.description)),
                  ])
              }),
          ])
        }),
    ])
  }

  private static func members(_ finding: Finding) -> [JSONValue.Member] {
    [
      .init("id", .string(finding.kind.id)), .init("name", .string(finding.kind.name)),
      .init("severity", .string(finding.severity.rawValue)),
      .init("tensor", .name(finding.tensor)), .init("expected", .optional(finding.expected)),
      .init("found", .optional(finding.found)), .init("hint", .optional(finding.hint)),
      .init("message", .string(finding.message)),
    ]
  }

  /// A table for a pull request or a job summary.
  private var markdown: String {
    var lines = ["### \(fails || isBadInput ? "❌" : "✅") Weights: \(summary)"]
    for file in files where !file.findings.isEmpty || !file.waived.isEmpty {
      var table = TextTable(header: ["", "Finding", "Tensor", "Expected", "Found", "Hint"])
      for finding in file.findings {
        table.rows.append(
          [
            finding.severity.rawValue, "\(finding.kind.id) \(finding.kind.name)",
            Self.code(finding.tensor), Self.text(finding.expected), Self.text(finding.found),
            Self.text(finding.hint),
          ])
      }
      for (finding, waiver) in file.waived {
        table.rows.append(
          [
            "waived", "\(finding.kind.id) \(finding.kind.name)", Self.code(finding.tensor),
            Self.text(finding.expected), Self.text(finding.found),
            Self.text("\(waiver.reason) (until \(waiver.expires))"),
          ])
      }
      lines += ["", "**\(printable(file.file))**", ""] + table.markdown()
    }
    return lines.joined(separator: "\n")
  }

  /// What comes from a file must not become markup, a link or a mention.
  private static func text(_ text: String?) -> String {
    printable(text ?? "").replacing("&", with: "&amp;").replacing("<", with: "&lt;")
      .replacing("@", with: "&#64;").replacing("](", with: "]&#40;")
  }
  private static func code(_ name: TensorName?) -> String {
    name.map { "`" + printable($0).replacing("`", with: "'") + "`" } ?? ""
  }

  /// GitHub's workflow commands, which it shows as annotations.
  private var github: String {
    var lines: [String] = []
    for file in files {
      for finding in file.findings {
        let command = finding.severity == .note ? "notice" : finding.severity.rawValue
        let title = "\(finding.kind.id) \(finding.kind.name)"
        let text = (finding.tensor.map { "\($0): " } ?? "") + finding.message
        lines.append(
          "::\(command) file=\(Self.property(file.file)),title=\(Self.property(title))::"
            + Self.data(text))
      }
    }
    return (lines + [summary]).joined(separator: "\n")
  }

  /// What ends a command's text, or a property of it, is written as its percent code
  /// (actions/toolkit, packages/core/src/command.ts).
  private static func data(_ text: String) -> String {
    // Control characters, newlines among them, are written out: none is left to be escaped.
    printable(text).replacing("%", with: "%25")
  }
  private static func property(_ text: String) -> String {
    data(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
  }
}
