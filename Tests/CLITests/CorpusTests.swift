import CheckpointCore
import CheckpointValidation
import DamageCorpus
import TestSupport
import Testing

/// The good checkpoint and its schemas, made once.
private let corpus = Result { () throws -> (TemporaryFolder, Corpus) in
  let folder = try TemporaryFolder()
  return (folder, try Corpus(in: folder.path, tool: binary))
}

@Suite("Every kind of damage raises its finding")
struct CorpusTests {
  @Test("one kind after the other", arguments: Damage.all)
  func damage(_ damage: Damage) throws {
    let (_, corpus) = try corpus.get()
    try corpus.write(damage)
    var arguments = [
      "validate", corpus.path(damage.file), "--schema", corpus.schema(of: damage), "--json",
    ]
    if damage.isAgainstSource { arguments += ["--against", Corpus.sample] }
    let run = try runCommand(arguments)
    #expect(run.status == damage.status, "\(run.error)")
    let found = try findings(run.output)
    #expect(
      found.contains { $0.id == damage.id && $0.tensor == damage.tensor },
      "\(damage.file): \(found)")
  }

  @Test(
    "the good checkpoint raises none",
    arguments: ["tolerant.yaml", "exact.json", "dimensions.yaml"])
  func good(_ schema: String) throws {
    let (_, corpus) = try corpus.get()
    let run = try runCommand([
      "validate", corpus.good, "--schema", corpus.path(schema), "--fail-on", "warning", "--json",
    ])
    #expect(run.status == 0)
    #expect(try findings(run.output).isEmpty, "\(run.output)")
    #expect(run.output.contains(#""checked_tensors": 82"#))
  }

  @Test("there is a kind of damage for every finding")
  func everyFinding() {
    // What is wrong with a waiver, not with a checkpoint: ValidateCommandTests.baseline.
    let ofWaivers = [FindingKind.expiredWaiver, .unusedWaiver]
    let covered = Set(Damage.all.map(\.id))
    #expect(
      FindingKind.allCases.filter { !ofWaivers.contains($0) && !covered.contains($0.id) } == [])
    #expect(Set(Damage.all.map(\.file)).count == Damage.all.count)
  }

  private func findings(_ output: String) throws -> [(id: String, tensor: String?)] {
    let document = try JSONParser.parse(Array(output.utf8))
    guard case .array(let files)? = document["files"],
      case .array(let findings)? = files.first?["findings"]
    else { return [] }
    return findings.map { finding in
      let text = ["id", "tensor"].map { key -> String? in
        if case .string(let text)? = finding[key] { text } else { nil }
      }
      return (text[0] ?? "", text[1])
    }
  }
}
