import Bytes
import CheckpointCore
import CheckpointParts

/// The results of one job, one line each, in the order in which they came: `job-0007.jsonl`.
///
/// A line is written when its item is done, and flushed. What a job that was ended left half-written
/// is cut off by the next run, which goes on behind the last whole line.
package final class FleetLedger {
  private let file: AppendedFile
  /// What was done before: of an item that was done again, the last.
  package let results: [FleetResult]

  /// Opens the ledger of `job` in the folder of the plan's results, to go on with it.
  ///
  /// - Throws: `CheckpointError` where another process is at this job, or the ledger is another plan's;
  ///   `FileSystemError` where the ledger cannot be written.
  package init(_ plan: FleetPlan, job: Int, in folder: String) throws {
    try Folder.create(folder)
    let path = Self.path(job, in: folder)
    file = try AppendedFile(path: path)
    guard file.isLocked else {
      throw CheckpointError(
        file: path, "another process is at job \(job)", advice: "wait for it, or end it")
    }
    let content = try Self.read(path, plan, job)
    results = content.results
    try file.cut(at: content.wholeBytes)
    if content.wholeBytes == 0 {
      try file.append(
        SealedDocument.text([.init("plan", .string(plan.identity)), .init("job", .int(job))])
          + "\n")
    }
  }

  /// Adds what came of an item, which is then done for good.
  package func add(_ result: FleetResult) throws {
    try file.append(SealedDocument.text(result.members) + "\n")
  }

  /// The results of a job so far; none where it was not begun.
  package static func results(
    _ plan: FleetPlan, job: Int, in folder: String
  ) throws -> [FleetResult] {
    do {
      return try read(path(job, in: folder), plan, job).results
    } catch let error as FileSystemError where error.isMissingFile {
      return []
    }
  }

  private static func path(_ job: Int, in folder: String) -> String {
    let digits = String(job)
    let padding = String(repeating: "0", count: max(0, 4 - digits.count))
    return "\(folder)/job-\(padding)\(digits).jsonl"
  }

  /// More than the results of any job.
  private static let maximumSize = 1 << 30

  /// The results up to the first line that is not whole, and the bytes that they take.
  private static func read(
    _ path: String, _ plan: FleetPlan, _ job: Int
  ) throws -> (results: [FleetResult], wholeBytes: Int) {
    let bytes = try DocumentFile.read(path, limit: maximumSize, kind: "a job's results")
    var results: [Int: FleetResult] = [:]
    var whole = 0
    while let end = bytes[whole...].firstIndex(of: UInt8(ascii: "\n")) {
      guard let node = try? SealedDocument.read(bytes[whole..<end]) else { break }
      if whole == 0 {
        guard node.value["plan"] == .string(plan.identity), node.value["job"] == .int(job) else {
          throw CheckpointError(
            file: path, "these are the results of another plan",
            advice: "keep them elsewhere, or name another folder with --results")
        }
      } else {
        let result = try inFile(path) { try FleetResult(node) }
        guard plan.items.indices.contains(result.item), plan.items[result.item].job == job else {
          throw CheckpointError(
            file: path, "item \(result.item) is not one of job \(job)",
            advice: "remove this file and run the job again")
        }
        // What was done again counts as it was the last time.
        results[result.item] = result
      }
      whole = end + 1
    }
    return (results.values.sorted { $0.item < $1.item }, whole)
  }
}
