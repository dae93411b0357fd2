import Bytes
package import CheckpointCore
import CheckpointParts

/// Many checkpoints, divided into jobs of like size, and the command that is run on each of them:
/// `schemas/fleet-plan.schema.json` describes the file.
package struct FleetPlan: Sendable {
  /// One checkpoint.
  package struct Item: Sendable, Equatable {
    package let path: String
    /// Bytes of its files, and when the newest of them was changed, in nanoseconds since 1970; `nil`
    /// where there was no such file.
    package let state: FleetFileState?
    /// From 1.
    package let job: Int
  }

  /// The command line without the checkpoint: `["validate", "--schema", "savi-small"]`.
  package let command: [String]
  package let items: [Item]
  package let jobCount: Int
  package let toolVersion: String
  /// What tells it from other plans: the SHA-256 of its text.
  package let identity: String
  /// The file's content.
  package let text: String

  /// - Parameters:
  ///   - checkpoints: their paths, each once.
  ///   - jobs: how many jobs to divide them into; fewer, where there are fewer checkpoints.
  package init(
    command: [String], checkpoints: [(path: String, state: FleetFileState?)], jobs: Int,
    toolVersion: String
  ) {
    let assignment = FleetPacking.pack(
      checkpoints.map { FleetCost.of($0.state?.byteCount ?? 0) }, jobs: jobs)
    self.init(
      command: command,
      items: zip(checkpoints, assignment.jobs).map {
        Item(path: $0.path, state: $0.state, job: $1 + 1)
      }, jobCount: assignment.count, toolVersion: toolVersion)
  }

  private init(command: [String], items: [Item], jobCount: Int, toolVersion: String) {
    (self.command, self.items, self.jobCount) = (command, items, jobCount)
    self.toolVersion = toolVersion
    text = SealedDocument.text([
      .init("schema_version", .int(Self.schemaVersion)),
      .init("tool", .object(["name": .string("savi-ckpt"), "version": .string(toolVersion)])),
      .init("command", .array(command.map(JSONValue.string))),
      .init("jobs", .int(jobCount)),
      .init("items", .array(items.map(\.json))),
    ])
    identity = SealedDocument.seal(of: text)
  }

  private static let schemaVersion = 1
  /// More than the plan of any fleet.
  private static let maximumSize = 1 << 30

  /// The plan at `path`.
  ///
  /// - Parameter toolVersion: the one that must have made it.
  /// - Throws: `CheckpointError` where this is no such plan, `FileSystemError` where it cannot be read.
  package init(path: String, toolVersion: String) throws {
    let bytes = try DocumentFile.read(path, limit: Self.maximumSize, kind: "a plan")
    self = try inFile(path) { try FleetPlan(bytes) }
    guard self.toolVersion == toolVersion else {
      throw CheckpointError(
        file: path, "version \(self.toolVersion) made this plan, this is \(toolVersion)",
        advice: "plan again, or use that version")
    }
  }

  /// - Throws: `CheckpointError` where this is no whole plan.
  private init(_ bytes: [UInt8]) throws {
    do {
      try self.init(SealedDocument.read(bytes))
    } catch let error as CheckpointError where error.entry == nil {
      throw CheckpointError(
        "this is no plan as 'fleet plan' writes it: \(error.message)", advice: error.advice)
    }
  }

  /// - Parameter root: the document within its seal.
  package init(_ root: DocumentNode) throws {
    guard root.value["jobs"] != nil else { throw root.problem("this document is no fleet's plan") }
    let version = try root.require("schema_version").int()
    guard version == Self.schemaVersion else {
      throw root.problem(
        "schema_version \(version) is not known (this tool reads \(Self.schemaVersion))")
    }
    let count = try root.require("jobs").int()
    let items = try root.require("items").items().map { node in
      let item = try Item(node)
      guard (1...max(1, count)).contains(item.job) else {
        throw node.problem("there is no job \(item.job)")
      }
      return item
    }
    self.init(
      command: try root.require("command").items().map { try $0.string() }, items: items,
      jobCount: count, toolVersion: try root.require("tool").require("version").string())
  }

  /// The positions of a job's items.
  package func items(ofJob job: Int) -> [Int] { items.indices.filter { items[$0].job == job } }
}

extension FleetPlan.Item {
  fileprivate var json: JSONValue {
    .object([
      "path": .string(path), "job": .int(job), "bytes": state.map { .int($0.byteCount) } ?? .null,
      "modified": state.map { .int($0.modified) } ?? .null,
    ])
  }

  fileprivate init(_ node: DocumentNode) throws {
    path = try node.require("path").string()
    job = try node.require("job").int()
    state = try node.optional("bytes").map {
      FleetFileState(byteCount: try $0.int(), modified: try node.require("modified").int())
    }
  }
}
