package import CheckpointCore

/// Findings that are known and accepted, each with a reason and an expiry date.
/// `schemas/baseline.schema.json` describes the file.
package struct Baseline: Sendable, Equatable {
  package struct Waiver: Sendable, Equatable {
    package let id: String
    /// `nil` for findings about a file as a whole.
    package let tensor: TensorName?
    /// The end of the file's path; `nil` for any file.
    package let file: String?
    package let reason: String
    package let expires: CalendarDay

    package init(
      id: String, tensor: TensorName?, file: String?, reason: String, expires: CalendarDay
    ) {
      self.id = id
      self.tensor = tensor
      self.file = file
      self.reason = reason
      self.expires = expires
    }

    func covers(_ finding: Finding, in path: String) -> Bool {
      id == finding.kind.id && tensor == finding.tensor
        && (file.map { path == $0 || path.hasSuffix("/" + $0) } ?? true)
    }
  }

  package var waivers: [Waiver]

  package init(waivers: [Waiver] = []) { self.waivers = waivers }

  private static let schemaVersion = 1

  /// Parses a YAML or JSON document.
  package init(_ bytes: [UInt8]) throws {
    let root = try DocumentReader.read(bytes)
    let members = try root.members(known: ["$schema", "schema_version", "waivers"])
    let version = try members.require("schema_version", of: root)
    guard try version.int() == Self.schemaVersion else {
      throw version.problem("this schema_version is not known (this tool reads 1)")
    }
    waivers = try members.require("waivers", of: root).items().map { node in
      let members = try node.members(known: ["id", "tensor", "file", "reason", "expires"])
      let id = try members.require("id", of: node)
      guard let kind = FindingKind(rawValue: try id.string()) else {
        throw id.problem("'\(try id.string())' is no finding's id, such as W023")
      }
      guard kind.isWaivable else {
        throw id.problem("\(kind.id) \(kind.name) cannot be waived")
      }
      let reason = try members.require("reason", of: node)
      guard try !reason.string().allSatisfy(\.isWhitespace) else {
        throw reason.problem("a waiver needs a reason")
      }
      let expires = try members.require("expires", of: node)
      guard let day = CalendarDay(try expires.string()) else {
        throw expires.problem("a date expected, such as 2027-01-31")
      }
      return Waiver(
        id: try id.string(), tensor: try members["tensor"]?.optionalString().map { TensorName($0) },
        file: try members["file"]?.optionalString(), reason: try reason.string(), expires: day)
    }
  }

  package var json: JSONValue {
    .object([
      "schema_version": .int(Self.schemaVersion),
      "waivers": .array(
        waivers.map {
          .object([
            "id": .string($0.id), "tensor": .name($0.tensor), "file": .optional($0.file),
            "reason": .string($0.reason), "expires": .string($0.expires.description),
          ])
        }),
    ])
  }

  /// Sorts the findings of all files into those that count and those that are waived. A waiver that
  /// has expired waives nothing and is a finding itself; so is one that nothing needs any more.
  package func apply(to reports: [FileReport], today: CalendarDay) -> [FileReport] {
    var used = Set<Int>()
    var result = reports.map { report in
      var report = report
      var kept: [Finding] = []
      for finding in report.findings {
        guard finding.kind.isWaivable else {
          kept.append(finding)
          continue
        }
        let index = waivers.firstIndex {
          $0.covers(finding, in: report.file) && today <= $0.expires
        }
        if let index {
          used.insert(index)
          report.waived.append((finding, waivers[index]))
        } else {
          kept.append(finding)
        }
        for (index, waiver) in waivers.enumerated()
        where waiver.expires < today && waiver.covers(finding, in: report.file) {
          used.insert(index)
          kept.append(
            Finding(
              .expiredWaiver, tensor: finding.tensor, expected: "a waiver of \(waiver.id) in force",
              found: "one that ended on \(waiver.expires)",
              hint: "mend the weights, or renew it: \(waiver.reason)"))
        }
      }
      report.findings = kept
      return report
    }
    let unused = waivers.indices.filter { !used.contains($0) }.map { index in
      Finding(
        .unusedWaiver, tensor: waivers[index].tensor, expected: "a finding \(waivers[index].id)",
        found: "none", hint: "take the waiver out: \(waivers[index].reason)")
    }
    if !unused.isEmpty, !result.isEmpty { result[0].findings += unused }
    return result
  }

  /// The baseline with a waiver for every finding of `reports` that has none in force.
  package func accepting(
    _ reports: [FileReport], reason: String, expires: CalendarDay, today: CalendarDay
  ) -> Baseline {
    var waivers = self.waivers.filter { today <= $0.expires }
    for report in reports {
      for finding in report.findings where finding.kind.isWaivable {
        guard !waivers.contains(where: { $0.covers(finding, in: report.file) }) else { continue }
        waivers.append(
          Waiver(
            id: finding.kind.id, tensor: finding.tensor, file: report.file, reason: reason,
            expires: expires))
      }
    }
    return Baseline(waivers: waivers)
  }
}

extension FindingKind {
  /// What could not be checked cannot be accepted, nor can what is said of waivers.
  fileprivate var isWaivable: Bool {
    !isBadInput && self != .expiredWaiver && self != .unusedWaiver
  }
}

/// What was found in one file.
package struct FileReport: Sendable {
  package let file: String
  package var findings: [Finding]
  package var waived: [(finding: Finding, waiver: Baseline.Waiver)]
  package let checkedTensors: Int

  package init(file: String, findings: [Finding], checkedTensors: Int) {
    self.file = file
    self.findings = findings
    self.checkedTensors = checkedTensors
    waived = []
  }
}
