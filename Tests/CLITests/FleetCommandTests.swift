import CheckpointCore
import CheckpointParts
import DamageCorpus
import Foundation
import FoundationXML
import TestSupport
import Testing

@Suite("Fleets of checkpoints, by the real binary")
struct FleetCommandTests {
  private typealias Tensor = SafetensorsFile.Tensor

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var plan: String { folder.file("plan.json") }

  /// Twelve checkpoints of different sizes, one of them damaged, one with a tensor too few.
  private func writeFleet() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("runs/deep"), withIntermediateDirectories: true)
    for number in 0..<12 {
      let values = (0..<(1 << number % 6 + 4)).map { Float($0 + number) }
      var tensors = [Tensor("w", [values.count], values), Tensor("b", [2], [1, Float(number)])]
      if number == 5 { tensors.removeLast() }
      var bytes = SafetensorsFile(tensors).bytes
      if number == 7 { bytes.removeLast(3) }
      let name = number < 6 ? "runs/r\(number).safetensors" : "runs/deep/r\(number).safetensors"
      _ = try folder.write(name, bytes)
    }
    _ = try folder.write(
      "s.yaml", Array("schema_version: 1\nname: s\ntensors: [{name: w}, {name: b}]\n".utf8))
  }

  private func makePlan(_ list: [String], jobs: Int = 3) throws {
    let run = try runCommand(
      ["fleet", "plan"] + list + [
        "-o", plan, "--force", "--jobs", "\(jobs)", "--run", "validate", "--schema",
        folder.file("s.yaml"),
      ])
    #expect(run.status == 0, "\(run.error)")
  }

  private func items() throws -> [(path: String, job: Int)] {
    guard case .array(let items)? = try JSONParser.parse(fileBytes(plan))["items"] else {
      return []
    }
    return try items.map { item in
      let node = DocumentNode(item)
      return (try node.require("path").string(), try node.require("job").int())
    }
  }

  private func results(_ form: [String] = ["--json"]) throws -> CommandResult {
    try runCommand(["fleet", "merge", plan] + form)
  }

  @Test("every checkpoint of folders, patterns and lists is planned once")
  func plans() throws {
    try writeFleet()
    try makePlan([folder.file("runs")])
    #expect(try items().count == 12)
    #expect(try Set(items().map(\.job)) == [1, 2, 3])
    let list = try folder.write(
      "list",
      Array("# mine\n\(folder.file("runs/r1.safetensors"))\n\(folder.file("runs/deep"))\n".utf8))
    try makePlan([list, folder.file("runs/r[12].*"), folder.file("runs/r1.safetensors")])
    #expect(
      try items().map { $0.path.split(separator: "/").last }
        == ["r1", "r10", "r11", "r6", "r7", "r8", "r9", "r2"].map { $0 + ".safetensors" })
    let nothing = try runCommand(["fleet", "plan", folder.file("x*"), "-o", folder.file("p.json")])
    #expect(nothing.status == 2 && nothing.error.contains("fits nothing"))
    // As 'find -print0' and editors that write a byte order mark leave them.
    let names = ["r1", "r2"].map { folder.file("runs/\($0).safetensors") }
    for text in [
      names.joined(separator: "\0") + "\0", "\u{FEFF}" + names.joined(separator: "\r\n"),
    ] {
      try makePlan([folder.write("list.txt", Array(text.utf8))])
      #expect(try items().map(\.path) == names)
    }
    let binary = try folder.write("binary.txt", [0xFF, 0x00, 0xFE])
    let noList = try runCommand(["fleet", "plan", binary, "-o", folder.file("p.json")])
    #expect(noList.status == 2 && noList.error.contains("no list"))
    for wrong in [
      ["convert", "a"], ["validate"], ["hash", "--nonsense"], ["ls", "--help"],
      ["hash", "--part", "1/2"], ["validate", "--schema", "nope"],
      ["validate", "--schema", "savi-small", "--output", "json=o.json"],
    ] {
      let run = try runCommand(
        ["fleet", "plan", folder.file("runs"), "-o", folder.file("p.json"), "--run"] + wrong)
      #expect(run.status == 64, "\(run.error)")
    }
  }

  @Test("the merged report has the failures first, and what a run on each checkpoint says")
  func report() throws {
    try writeFleet()
    try makePlan([folder.file("runs"), folder.file("gone.safetensors")])
    let codes = try (1...3).map { job in
      try runCommand(["fleet", "run", plan, "--job", "\(job)"]).status
    }
    #expect(codes.max() == 2)
    let merged = try results()
    #expect(merged.status == 2)
    let root = DocumentNode(try JSONParser.parse(Array(merged.output.utf8)))
    let entries = try root.require("results").items()
    #expect(
      try entries.map { try $0.require("exit_code").int() } == [2, 2, 1]
        + [Int](repeating: 0, count: 10))
    #expect(try entries[2].require("file").string().hasSuffix("r5.safetensors"))
    for entry in entries {
      let path = try entry.require("file").string()
      let single = try runCommand(["validate", path, "--schema", folder.file("s.yaml"), "--json"])
      #expect(try entry.require("exit_code").int() == Int(single.status))
      #expect(try JSONParser.parse(Array(single.output.utf8)) == entry.require("document").value)
    }
    let text = try results([]).output
    #expect(text.contains("missing-tensor b") && text.contains("10 passed, 1 failed, 2 could not"))

    let (xml, page) = (folder.file("r.xml"), folder.file("r.html"))
    #expect(try results(["--output", "junit=\(xml)", "--output", "html=\(page)"]).status == 2)
    let document = try XMLDocument(contentsOf: URL(fileURLWithPath: xml))
    #expect(try document.nodes(forXPath: "//testcase").count == 13)
    #expect(try document.nodes(forXPath: "//failure").count == 3)
    #expect(try String(contentsOfFile: page, encoding: .utf8).contains("W001 missing-tensor b"))
  }

  @Test("a job goes on behind its last whole result, and does nothing twice")
  func restart() throws {
    try writeFleet()
    try makePlan([folder.file("runs")], jobs: 1)
    let unfinished = try results()
    #expect(unfinished.status == 2 && unfinished.error.contains("job 1"))
    #expect(try runCommand(["fleet", "run", plan, "--job", "1"]).status == 2)
    let ledger = folder.file("plan.results/job-0001.jsonl")
    let whole = try String(contentsOfFile: ledger, encoding: .utf8)
    let report = try results().output
    let lines = whole.split(separator: "\n")
    #expect(lines.count == 13)

    // As a run leaves it that is killed while it writes its sixth result.
    let start = lines[..<6].joined(separator: "\n") + "\n"
    try (start + lines[6].prefix(40)).write(toFile: ledger, atomically: true, encoding: .utf8)
    let partly = try results(["--json", "-q"])
    #expect(partly.output.contains("\"done\": false") && partly.error.isEmpty)
    let again = try runCommand(["fleet", "run", plan, "--job", "1"])
    #expect(again.output.contains("5 done before"))
    #expect(try String(contentsOfFile: ledger, encoding: .utf8).hasPrefix(start))
    #expect(try results().output == report)
    // One whose command a signal ended is looked at again, and --retry looks at the unreadable again.
    let members = try lines[1...].map { line -> [JSONValue.Member] in
      guard case .object(let members) = try JSONParser.parse(Array(line.utf8)) else { return [] }
      return members.filter { $0.key != "sha256" }
    }
    let killed = members.map { members in
      SealedDocument.text(
        members.map { $0.key == "exit_code" && $0.value == .int(1) ? .init("signal", .int(9)) : $0 }
      )
    }
    try "\(lines[0])\n\(killed.joined(separator: "\n"))\n".write(
      toFile: ledger, atomically: true, encoding: .utf8)
    #expect(try results([]).output.contains("ended by signal 9"))
    #expect(try runCommand(["fleet", "run", plan, "--job", "1"]).output.contains("11 done before"))
    #expect(try results().output == report)
    let retried = try runCommand(["fleet", "run", plan, "--job", "1", "--retry"])
    #expect(retried.output.contains("11 done before") && retried.status == 2)
    #expect(try results().output == report)
    // A line that was changed is not believed.
    try whole.replacing("\"exit_code\":1", with: "\"exit_code\":0").write(
      toFile: ledger, atomically: true, encoding: .utf8)
    #expect(try results().output != report && results().status == 2)
  }

  @Test("results of another plan, a changed plan and a changed checkpoint are refused or fail")
  func stale() throws {
    try writeFleet()
    try makePlan([folder.file("runs")], jobs: 1)
    _ = try runCommand(["fleet", "run", plan, "--job", "1"])
    try makePlan([folder.file("runs/deep")], jobs: 1)
    let other = try results()
    #expect(other.status == 2 && other.error.contains("another plan"))
    let text = try String(contentsOfFile: plan, encoding: .utf8)
    try text.replacing("\"job\":1", with: "\"job\":2").write(
      toFile: plan, atomically: true, encoding: .utf8)
    #expect(try results().error.contains("changed after it was written"))

    try makePlan([folder.file("runs")], jobs: 1)
    try FileManager.default.removeItem(atPath: folder.file("plan.results"))
    _ = try folder.write("runs/r1.safetensors", fileBytes(folder.file("runs/r2.safetensors")))
    #expect(try runCommand(["fleet", "run", plan, "--job", "1"]).status == 2)
    #expect(try results([]).output.contains("r1.safetensors: this checkpoint has changed since"))
    #expect(try runCommand(["fleet", "run", plan, "--job", "2"]).status == 64)
  }
}
