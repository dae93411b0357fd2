import CheckpointCore
import Foundation
import TestSupport
import Testing

@Suite("map suggest, by the real binary")
struct SuggestTests {
  private let folder = try! TemporaryFolder()

  private func suggest(
    _ source: String, _ target: String, _ options: [String] = []
  ) throws -> (run: CommandResult, document: String) {
    let document = folder.file("draft.json")
    let run = try runCommand(
      ["map", "suggest", fixture("suggestion/\(source)"), fixture("suggestion/\(target)")]
        + ["-o", document, "--force", "-q"] + options)
    return (run, document)
  }

  private func rules(_ document: String) throws -> [JSONValue] {
    guard case .array(let rules)? = try JSONParser.parse(try fileBytes(document))["rules"] else {
      return []
    }
    return rules
  }

  /// What the draft makes of the source is what somebody else's conversion made of it.
  private func expectConverted(
    _ source: String, _ document: String, equals target: String, _ options: [String] = []
  ) throws {
    let output = folder.file("out.pt")
    let run = try runCommand(
      ["convert", fixture("suggestion/\(source)"), "-o", output, "--map", document, "--force"]
        + options)
    #expect(run.status == 0, "\(run.error)")
    let diff = try runCommand(["diff", output, fixture("suggestion/\(target)")])
    #expect(diff.status == 0, "\(diff.output)")
    let back = folder.file("back.npz")
    let reverse = try runCommand(
      ["convert", output, "--reverse", "-o", back, "--map", document, "--force"]
        + options)
    #expect(reverse.status == 0, "\(reverse.error)")
    let same = try runCommand(["diff", back, fixture("suggestion/\(source)")])
    #expect(same.status == 0, "\(same.output)")
  }

  @Test("whatever was done to the same weights is found by value, and undone")
  func byValue() throws {
    let (run, document) = try suggest("odd.npz", "odd.pt")
    #expect(run.status == 0, "\(run.error)")
    for rule in try rules(document) where rule["constant"] == nil {
      #expect(rule["evidence"] == .string("values"), "\(rule)")
    }
    try expectConverted("odd.npz", document, equals: "odd.pt")
  }

  @Test("the layers of a stack fold into one rule")
  func folded() throws {
    let (_, document) = try suggest("odd.npz", "odd.pt")
    let rule = try #require(try rules(document).first { $0["target"] == .string("layer.{n}") })
    #expect(rule["source"] == .string("stack"))
    #expect(rule["at"] == .object(["a": .string("{n}")]))
  }

  @Test("another tool's conversion of a known layer is proven", arguments: ["cnn", "gru"])
  func proven(_ name: String) throws {
    let (run, document) = try suggest("\(name).flax.msgpack", "\(name).torch.pt")
    #expect(run.status == 0, "\(run.error)")
    try expectConverted("\(name).flax.msgpack", document, equals: "\(name).torch.pt")
  }

  @Test("a fresh module's names are enough, and what they leave open is asked")
  func byName() throws {
    let (run, document) = try suggest("cnn.flax.msgpack", "cnn.fresh.pt")
    #expect(run.status == 1, "\(run.error)")
    let open = try rules(document).filter { $0["confirm"] != nil }.compactMap { $0["target"] }
    #expect(open == [.string("fc1.weight")])
    let refused = try runCommand([
      "convert", fixture("suggestion/cnn.flax.msgpack"), "-o", folder.file("x.pt"), "--map",
      document,
    ])
    #expect(refused.status == 2)
    #expect(refused.error.contains("rule 10, fc1.weight"), "\(refused.error)")
    #expect(!FileManager.default.fileExists(atPath: folder.file("x.pt")))
    try expectConverted(
      "cnn.flax.msgpack", document, equals: "cnn.torch.pt", ["--accept-unconfirmed"])
  }

  @Test("an answer takes the place of its question")
  func answers() throws {
    let (run, document) = try suggest(
      "cnn.flax.msgpack", "cnn.fresh.pt", ["--answer", "1=1"])
    #expect(run.status == 0, "\(run.error)")
    let rule = try #require(try rules(document).first { $0["target"] == .string("fc1.weight") })
    #expect(rule["layout"] == .string("dense.kernel"))
    #expect(rule["confirm"] == nil)
    #expect(try suggest("cnn.flax.msgpack", "cnn.fresh.pt", ["--answer", "9=1"]).run.status == 64)
  }

  @Test("a square kernel is asked about where none beside it tells how such layers are laid out")
  func square() throws {
    let beside = try rules(try suggest("cnn.flax.msgpack", "cnn.fresh.pt").document)
    let settled = try #require(beside.first { $0["target"] == .string("fc2.weight") })
    #expect(settled["layout"] == .string("dense.kernel"))
    #expect(settled["confirm"] == nil)
    let alone = try rules(
      try suggest("cnn.flax.msgpack", "cnn.fresh.pt", ["--include", "Dense_1"]).document)
    let asked = try #require(alone.first { $0["target"] == .string("fc2.weight") })
    #expect(asked["alternatives"] == .array([.object(["layout": .string("copy")])]))
  }

  @Test("from PyTorch to Flax by names, and back", arguments: ["cnn", "gru"])
  func toFlax(_ name: String) throws {
    let (run, document) = try suggest("\(name).fresh.pt", "\(name).flax.msgpack")
    #expect([0, 1].contains(run.status), "\(run.error)")
    try expectConverted(
      "\(name).torch.pt", document, equals: "\(name).flax.msgpack", ["--accept-unconfirmed"])
    let lint = try runCommand([
      "map", "lint", document, "--source", fixture("suggestion/\(name).torch.pt"), "--target",
      fixture("suggestion/\(name).flax.msgpack"),
    ])
    #expect(!lint.output.contains("error"), "\(lint.output)")
  }

  @Test("what only Flax has comes from a template on the way there")
  func toFlaxFromTemplate() throws {
    let less = folder.file("less.pt")
    try #require(
      runCommand([
        "convert", fixture("suggestion/cnn.torch.pt"), "--map", "none", "--exclude", "^fc2", "-o",
        less,
      ]).status == 0)
    let flax = fixture("suggestion/cnn.flax.msgpack")
    let document = folder.file("less.json")
    let run = try runCommand(["map", "suggest", less, flax, "-o", document])
    #expect(run.error.contains("2 tensors that no source makes"), "\(run.error)")
    let output = folder.file("out.msgpack")
    let convert = ["convert", less, "--map", document, "-o", output]
    let refused = try runCommand(convert)
    #expect(refused.status == 2)
    #expect(refused.error.contains("drops params/Dense_1/kernel"), "\(refused.error)")
    #expect(refused.error.contains("--template"), "\(refused.error)")
    #expect(try runCommand(convert + ["--template", flax]).status == 0)
    #expect(try runCommand(["diff", output, flax]).status == 0)
  }

  @Test("files that have nothing to do with each other give no mapping")
  func unrelated() throws {
    let document = folder.file("none.json")
    let run = try runCommand([
      "map", "suggest", fixture("suggestion/cnn.flax.msgpack"), fixture("suggestion/odd.pt"), "-o",
      document,
    ])
    #expect(run.status == 2)
    #expect(run.error.contains("no mapping to"), "\(run.error)")
    #expect(!FileManager.default.fileExists(atPath: document))
  }

  @Test("the draft is the same every time")
  func deterministic() throws {
    let first = try fileBytes(try suggest("cnn.flax.msgpack", "cnn.fresh.pt").document)
    #expect(try fileBytes(try suggest("cnn.flax.msgpack", "cnn.fresh.pt").document) == first)
  }

  @Test(
    "map lint tells, from two files, what a document has wrong",
    arguments: [
      (
        "gru", "[\"GRUCell_0/ir/kernel\", \"GRUCell_0/iz/kernel\"",
        "[\"GRUCell_0/iz/kernel\", \"GRUCell_0/ir/kernel\"", "layout"
      ),
      (
        "cnn", "\"(a b) c -> c (b a)\", \"sizes\": {\"a\": 9}",
        "\"dense.kernel\"", "flatten"
      ),
      (
        "cnn", "\"(a b) c -> c (b a)\", \"sizes\": {\"a\": 9}",
        "\"dense.kernel\"", "layout"
      ),
    ])
  func lint(_ name: String, _ right: String, _ wrong: String, _ id: String) throws {
    let (_, document) = try suggest("\(name).flax.msgpack", "\(name).torch.pt")
    let files = [
      "--source", fixture("suggestion/\(name).flax.msgpack"), "--target",
      fixture("suggestion/\(name).torch.pt"),
    ]
    #expect(try runCommand(["map", "lint", document] + files).status == 0)
    let text = String(decoding: try fileBytes(document), as: UTF8.self)
    try #require(text.contains(right), "\(text)")
    let broken = try folder.write(
      "broken.json", Array(text.replacingOccurrences(of: right, with: wrong).utf8))
    let run = try runCommand(["map", "lint", broken] + files)
    #expect(run.status == 1)
    #expect(run.output.contains("[\(id)]"), "\(run.output)")
  }
}
