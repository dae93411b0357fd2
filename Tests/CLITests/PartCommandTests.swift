import CheckpointCore
import CheckpointParts
import DamageCorpus
import Foundation
import TestSupport
import Testing

@Suite("Parts of a command, merged, are one run of it, by the real binary")
struct PartCommandTests {
  private typealias Tensor = SafetensorsFile.Tensor

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Tensors with everything that figures can be hard to carry over: NaN, infinities, negative
  /// zeros, none at all; and with two that are equal, and a name of no ASCII.
  private static let tensors: [Tensor] = {
    var tensors = [
      Tensor("nan", [3], [.nan, 1, -0.0]), Tensor("inf", [2], [.infinity, -.infinity]),
      Tensor("zeros", [4], [-0.0, -0.0, -0.0, -0.0]), Tensor("empty", [0, 3], []),
      Tensor("é.weight", [1], [.leastNonzeroMagnitude]),
    ]
    for layer in 0..<12 {
      let values = (0..<60).map { Float(($0 * 37 + layer * 11) % 101) / 7 - 5 }
      tensors.append(Tensor("layers.\(layer).w", [6, 10], values))
      tensors.append(
        Tensor("layers.\(layer).copy", [6, 10], layer == 3 ? values : values.reversed()))
    }
    return tensors
  }()

  private func write(_ name: String, _ tensors: [Tensor] = Self.tensors) throws -> String {
    try folder.write(name, SafetensorsFile(tensors).bytes)
  }

  /// Runs `count` parts of a command and returns the paths of their results.
  private func parts(
    _ command: [String], _ count: Int, status: Int32 = 0, prefix: String = "part"
  ) throws -> [String] {
    try (1...count).map { number in
      let run = try runCommand(command + ["--part", "\(number)/\(count)"])
      if status == 0 { #expect(run.status == 0, "\(run.error)") }
      return try folder.write("\(prefix)\(number).json", Array(run.output.utf8))
    }
  }

  private func checkSame(_ command: [String], _ count: Int) throws {
    let results = try parts(command, count)
    for form in [[], ["--json"]] {
      let whole = try runCommand(command + form)
      let merged = try runCommand(["merge"] + form + results.reversed())
      #expect(merged.output == whole.output, "\(command), \(count) parts")
      #expect(merged.error == whole.error)
      #expect(merged.status == whole.status)
      #expect(!whole.output.isEmpty || form.isEmpty)
    }
  }

  @Test("byte for byte: hashes, figures, findings and differences", arguments: [1, 2, 7, 40])
  func equality(count: Int) throws {
    let file = try write("a.safetensors")
    var others = Self.tensors
    others[7].values[3] += 1
    others[9].name = "renamed"
    others.removeLast()
    let other = try write("b.safetensors", others)
    let schema = try folder.write(
      "s.yaml",
      Array(
        "schema_version: 1\nname: s\ntensors:\n  - {name: 'layers.**', dtype: float32, mean: {max: 0}}\n"
          .utf8))
    try checkSame(["hash", file], count)
    try checkSame(["stats", file, "--style", "full"], count)
    try checkSame(["stats", file, "--output", "csv"], count)
    try checkSame(["diff", file, other], count)
    try checkSame(["diff", file, other, "--rtol", "0.01", "--exclude", "nan"], count)
    try checkSame(["validate", file, other, "--schema", schema, "--against", other], count)
    try checkSame(["validate", folder.path, "--schema", schema], count)
  }

  @Test("also of shared storage, folders, shard sets and the sample's schema")
  func formats() throws {
    let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path
    let set = folder.file("set.safetensors")
    let port = folder.file("port.pth")
    for (output, more) in [(port, []), (set, ["--max-shard-size", "200KB"])] {
      #expect(try runCommand(["convert", sample, "-o", output, "-q"] + more).status == 0)
    }
    try checkSame(["validate", port, "--schema", "savi-small"], 3)
    try checkSame(["stats", port, "--aliases"], 3)
    try checkSame(["hash", folder.file("set.safetensors.index.json")], 3)
    try checkSame(["diff", sample, port, "--map", "savi-small"], 3)
    try checkSame(["hash", fixture("orbax/ocdbt")], 2)
  }

  @Test("a conversion's shards are those of one run, and the index comes last")
  func conversion() throws {
    let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path
    let (whole, divided) = (folder.file("whole"), folder.file("divided"))
    for path in [whole, divided] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    func command(_ path: String) -> [String] {
      [
        "convert", sample, "-o", path + "/m.safetensors", "--max-shard-size", "200KB", "--dtype",
        "float16",
      ]
    }
    let one = try runCommand(command(whole) + ["--json"])
    let results = try parts(command(divided), 4)
    let files = try FileManager.default.contentsOfDirectory(atPath: whole)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: divided).sorted()
        == files.filter { !$0.hasSuffix("index.json") }.sorted())
    // Without its shard there is no index.
    let shard = divided + "/m-00002-of-\(String(format: "%05d", files.count - 1)).safetensors"
    try FileManager.default.moveItem(atPath: shard, toPath: folder.file("kept"))
    let early = try runCommand(["merge"] + results)
    #expect(early.status == 2 && early.error.contains("m-00002"), "\(early.error)")
    try FileManager.default.moveItem(atPath: folder.file("kept"), toPath: shard)

    let merged = try runCommand(["merge", "--json"] + results)
    #expect(merged.status == 0 && merged.output == one.output, "\(merged.error)")
    for file in files {
      #expect(try fileBytes(whole + "/" + file) == fileBytes(divided + "/" + file), "\(file)")
    }
    // New shards never stand under an index that names the old ones.
    let forced = try runCommand(command(divided) + ["--force", "--part", "1/4"])
    #expect(forced.status == 0, "\(forced.error)")
    #expect(!FileManager.default.fileExists(atPath: divided + "/m.safetensors.index.json"))
    let early2 = try runCommand(["merge"] + results)
    #expect(early2.status == 2 && early2.error.contains("written since"), "\(early2.error)")
    let blocked = try runCommand(command(whole) + ["--part", "1/4"])
    #expect(blocked.status == 2 && blocked.output.isEmpty && blocked.error.contains("index.json"))
    let single = try runCommand(["convert", sample, "-o", folder.file("x.pth"), "--part", "1/2"])
    #expect(single.status == 64 && single.error.contains("--max-shard-size"))
  }

  @Test("a tensor that cannot be read fails its part, and the merge as the whole run")
  func unreadable() throws {
    let npz = folder.file("a.npz")
    #expect(
      try runCommand(["convert", write("a.safetensors"), "-o", npz, "--map", "none", "-q"]).status
        == 0)
    var bytes = try fileBytes(npz)
    bytes[bytes.count / 2] ^= 1
    let file = try folder.write("bad.npz", bytes)
    let results = try parts(["hash", file], 3, status: 2)
    let whole = try runCommand(["hash", file])
    let merged = try runCommand(["merge"] + results)
    #expect(whole.status == 2 && merged.status == 2)
    #expect(merged.error == whole.error && merged.output.isEmpty)

    // Beside others it is one finding, and the others are compared with the source all the same.
    let good = try write("b.safetensors")
    let schema = try folder.write(
      "s.yaml", Array("schema_version: 1\nname: s\ntensors: [{name: '**'}]\n".utf8))
    let command = ["validate", file, good, file, npz, "--schema", schema, "--against", good]
    let several = try parts(command, 3, status: 2)
    let report = try runCommand(command)
    #expect(report.output.contains("W050") && report.status == 2)
    #expect(try runCommand(["merge"] + several).output == report.output)
  }

  /// A part's document as another version of the tool would have written it.
  private func resealed(_ text: String, version: String) throws -> String {
    guard case .object(let members) = try JSONParser.parse(Array(text.utf8)) else { return "" }
    return SealedDocument.text(
      members.filter { $0.key != "sha256" }.map { member in
        guard member.key == "tool" else { return member }
        return .init(
          "tool", .object(["name": .string("savi-ckpt"), "version": .string(version)]))
      })
  }

  @Test("what is missing, there twice, damaged or of another run is named, and nothing merged")
  func problems() throws {
    let file = try write("a.safetensors")
    let results = try parts(["hash", file], 4)
    func failure(_ paths: [String], _ options: [String] = []) throws -> String {
      let run = try runCommand(["merge"] + options + paths)
      #expect(run.status == 2 && run.output.isEmpty)
      return run.error
    }
    #expect(try failure([results[0], results[3]]).contains("of 4 parts, 2 are missing: 2, 3"))
    #expect(try failure(results + [results[1]]).contains("part 2/4 is there twice"))

    let text = try String(contentsOfFile: results[2], encoding: .utf8)
    let cut = try folder.write("cut.json", Array(text.utf8.dropLast(20)))
    let flipped = try folder.write(
      "flipped.json", Array(text.replacing("float32", with: "float16", maxReplacements: 1).utf8))
    let both = try failure([results[0], results[1], cut, flipped])
    #expect(both.contains("cut.json is damaged") && both.contains("flipped.json is damaged"))
    #expect(
      try failure(results.dropLast() + [file]).contains("a.safetensors is damaged or no part"))

    let otherOptions = try parts(["hash", file, "--exclude", "nan"], 4, prefix: "options")
    #expect(try failure(results.dropLast() + [otherOptions[3]]).contains("--exclude nan"))
    let otherVersion = try folder.write(
      "version.json", Array(resealed(text, version: "0.0.9").utf8))
    #expect(
      try failure([results[0], results[1], results[3], otherVersion])
        .contains("part 3/4 (\(otherVersion)) was made by version 0.0.9"))
    let otherCount = try parts(["hash", file], 5, prefix: "count")
    #expect(try failure(results.dropLast() + [otherCount[3]]).contains("--part I/5"))
  }

  @Test("a file that changed between or after its parts is noticed, a copy is taken where allowed")
  func stale() throws {
    let file = try write("a.safetensors")
    let results = try parts(["hash", file], 2)
    var changed = Self.tensors
    changed[8].values[0] = 9
    _ = try write("a.safetensors", changed)
    let after = try runCommand(["merge"] + results)
    #expect(after.status == 2 && after.error.contains("a.safetensors has changed since"))
    let again = try parts(["hash", file], 2, prefix: "again")
    let mixed = try runCommand(["merge", results[0], again[1]])
    #expect(mixed.status == 2 && mixed.error.contains("it read another"))

    // The same bytes, written at another time: a copy, for whoever knows.
    _ = try write("a.safetensors")
    let copies = try parts(["hash", file], 2, prefix: "copies")
    let refused = try runCommand(["merge", results[0], copies[1]])
    #expect(refused.status == 2 && refused.error.contains("--allow-copies"))
    let whole = try runCommand(["hash", file])
    #expect(
      try runCommand(["merge", "--allow-copies", results[0], copies[1]]).output == whole.output)
    // Where the file is not at hand, the parts are all that is needed.
    try FileManager.default.removeItem(atPath: file)
    #expect(try runCommand(["merge"] + copies).output == whole.output)
  }

  @Test("a schema that changed is noticed")
  func schema() throws {
    let file = try write("a.safetensors")
    let text = "schema_version: 1\nname: s\ntensors:\n  - {name: '**'}\n"
    let schema = try folder.write("s.yaml", Array(text.utf8))
    let results = try parts(["validate", file, "--schema", schema], 2)
    _ = try folder.write("s.yaml", Array((text + "  - {name: 'w', required: false}\n").utf8))
    let merged = try runCommand(["merge"] + results)
    #expect(merged.status == 2 && merged.error.contains("s.yaml has changed"))
  }
}
