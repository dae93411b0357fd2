import CheckpointCore
import CheckpointInspection

/// What came of a fleet, with the failures first.
package struct FleetReport: Sendable {
  package enum Form: String, Sendable, CaseIterable {
    case text, json, junit, html
  }

  /// A checkpoint with its result; `nil` where there is none yet.
  struct Entry: Sendable {
    let path: String
    let job: Int
    let result: FleetResult?

    var failure: String? {
      guard let result else { return "not done (job \(job))" }
      return result.failure(of: path)
    }

    /// 2 where it was not done.
    var exitCode: Int { result?.exitCode ?? 2 }
  }

  let plan: FleetPlan
  /// The failures first: what could not be done before what was not right; each in the plan's order.
  let entries: [Entry]

  /// - Parameter results: of all jobs.
  package init(_ plan: FleetPlan, _ results: [FleetResult]) {
    self.plan = plan
    let byItem = Dictionary(results.map { ($0.item, $0) }, uniquingKeysWith: { first, _ in first })
    let all = plan.items.enumerated().map { index, item in
      Entry(path: item.path, job: item.job, result: byItem[index])
    }
    entries =
      all.filter { $0.exitCode > 1 } + all.filter { $0.exitCode == 1 }
      + all.filter { $0.exitCode == 0 }
  }

  /// The exit code of the whole: 2 where a checkpoint was not done or not read, 1 where one is not
  /// what it should be.
  package var exitCode: Int {
    entries.contains { $0.exitCode > 1 } ? 2 : entries.contains { $0.exitCode == 1 } ? 1 : 0
  }

  var failures: [Entry] { entries.filter { $0.exitCode != 0 } }

  /// The jobs that have something left to do.
  package var unfinishedJobs: [Int] {
    Set(entries.filter { $0.result == nil }.map(\.job)).sorted()
  }

  var summary: String {
    let failed = entries.count { $0.exitCode == 1 }
    let unread = entries.count { $0.exitCode > 1 && $0.result != nil }
    let undone = entries.count { $0.result == nil }
    return counted(entries.count, "checkpoint") + ", '\(plan.command.joined(separator: " "))': "
      + [
        "\(thousands(entries.count - failures.count)) passed",
        failed > 0 ? "\(thousands(failed)) failed" : nil,
        unread > 0 ? "\(thousands(unread)) could not be read" : nil,
        undone > 0 ? "\(thousands(undone)) not done" : nil,
      ].compactMap(\.self).joined(separator: ", ")
  }

  package func text(_ form: Form) -> String {
    switch form {
    case .text: plain
    case .json: json.serialized(pretty: true)
    case .junit: junit
    case .html: html
    }
  }

  private var plain: String {
    let lines = failures.flatMap { entry -> [String] in
      ["\(printable(entry.path)): \(oneLine(entry.failure ?? ""))"]
        + FleetDocument.brief(entry.result).map { "  " + oneLine($0) }
    }
    return (lines + [summary]).joined(separator: "\n")
  }

  /// `schemas/fleet-merge.schema.json`.
  private var json: JSONValue {
    .object([
      "schema_version": .int(1),
      "command": .array(plan.command.map(JSONValue.string)),
      "passed": .bool(exitCode == 0),
      "checkpoints": .int(entries.count),
      "failures": .int(failures.count),
      "unfinished_jobs": .ints(unfinishedJobs),
      "results": .array(
        entries.map { entry in
          .object([
            "file": .string(entry.path), "done": .bool(entry.result != nil),
            "exit_code": .int(entry.exitCode), "failure": .optional(entry.failure),
            "document": entry.result?.document ?? .null,
          ])
        }),
    ])
  }
}
