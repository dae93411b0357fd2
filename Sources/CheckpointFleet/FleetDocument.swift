import CheckpointCore
import CheckpointInspection

/// What a command said of a checkpoint that is not fine: the findings of a validation, or an error.
enum FleetDocument {
  /// How many findings a list for reading gives of each checkpoint.
  private static let readableFindings = 8

  /// The findings of what was validated, as its text report gives them.
  static func details(_ result: FleetResult?) -> [String] {
    guard case .array(let files)? = result?.document?["files"] else { return [] }
    let findings = files.flatMap { file -> [JSONValue] in
      if case .array(let findings)? = file["findings"] { findings } else { [] }
    }
    return findings.map { finding in
      let parts = ["severity", "id", "name"].compactMap { string(finding[$0]) }
      let tensor = string(finding["tensor"]).map { " \(printable($0))" } ?? ""
      return parts.joined(separator: " ") + tensor + ": " + (string(finding["message"]) ?? "")
    }
  }

  /// The first of the findings, and how many more there are.
  static func brief(_ result: FleetResult?) -> [String] {
    let all = details(result)
    guard all.count > readableFindings else { return all }
    return all.prefix(readableFindings) + ["… and \(thousands(all.count - readableFindings)) more"]
  }

  /// What was wrong with the checkpoint at `path`, in a sentence that does not name it again.
  static func sentence(of result: FleetResult, _ path: String) -> String {
    var last = Substring(result.message.split(separator: "\n").last ?? "")
    for prefix in ["savi-ckpt: error: ", printable(path) + ": "] where last.hasPrefix(prefix) {
      last = last.dropFirst(prefix.count)
    }
    if !last.isEmpty { return String(last) }
    let count = details(result).count
    return count > 0 ? counted(count, "finding") : "exit code \(result.exitCode)"
  }

  private static func string(_ value: JSONValue?) -> String? {
    if case .string(let text)? = value { text } else { nil }
  }
}
