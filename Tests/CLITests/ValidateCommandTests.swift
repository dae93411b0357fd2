import CheckpointCore
import Foundation
import TestSupport
import Testing

private let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path
private let flax = fixture("golden/tiny_perturbed_flax.npz")
private let torch = fixture("golden/tiny_perturbed_torch.pt")

@Suite("validate, by the real binary")
struct ValidateCommandTests {
  private func write(_ folder: TemporaryFolder, _ name: String, _ text: String) throws -> String {
    try folder.write(name, Array(text.utf8))
  }

  @Test("a checkpoint passes the schema made from it, tolerant or exact, JSON or YAML")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    for file in [flax, torch, fixture("torch/training.pt")] {
      for arguments in [
        ["-o", "a.yaml"], ["--exact", "-o", "b.json"], ["--slack", "0", "-o", "c.yml"],
      ] {
        let schema = folder.file(arguments.last ?? "")
        let generate = try runCommand(
          ["schema", "generate", file, "--force"] + arguments.dropLast() + [schema])
        #expect(generate.status == 0, "\(generate.error)")
        let run = try runCommand(
          ["validate", file, "--schema", schema, "--fail-on", "warning"])
        #expect(run.status == 0, "\(run.output)\(run.error)")
        #expect(run.output.contains(": ok, "), "\(run.output)")
      }
    }
  }

  @Test("shards stand for their set, which is checked once and whole; alone, they are files")
  func shards() throws {
    let folder = try TemporaryFolder()
    let (set, schema) = (folder.file("m.safetensors"), folder.file("s.yaml"))
    let convert = try runCommand([
      "convert", torch, "--map", "none", "-o", set, "--max-shard-size", "16KB",
    ])
    #expect(convert.status == 0, "\(convert.error)")
    #expect(try runCommand(["schema", "generate", set + ".index.json", "-o", schema]).status == 0)
    let shards = try FileManager.default.contentsOfDirectory(atPath: folder.file("")).sorted()
      .filter { $0.contains("-of-") }.map { folder.file($0) }
    #expect(shards.count > 2)
    for named in [shards, [shards[1]], [set + ".index.json", shards[0]], [folder.file("")]] {
      let run = try runCommand(["validate"] + named + ["--schema", schema])
      #expect(run.status == 0, "\(run.output)\(run.error)")
      #expect(run.output.contains("1 file against"), "\(run.output)")
    }
    let gone = try fileBytes(shards[0])
    try FileManager.default.removeItem(atPath: shards[0])
    let damaged = try runCommand(["validate", shards[1], "--schema", schema])
    #expect(damaged.status == 2, "\(damaged.output)")
    _ = try folder.write(String(shards[0].split(separator: "/").last ?? ""), gone)
    try FileManager.default.removeItem(atPath: set + ".index.json")
    #expect(try runCommand(["validate", shards[1], "--schema", schema]).status == 1)
  }

  @Test("a report never takes the place of a file that is read, or of a checkpoint")
  func outputPlaces() throws {
    let folder = try TemporaryFolder()
    let schema = folder.file("s.yaml")
    let model = try folder.write("model.pt", try fileBytes(torch))
    let odd = try folder.write("weights", try fileBytes(torch))
    #expect(try runCommand(["schema", "generate", torch, "-o", schema]).status == 0)
    let before = try fileBytes(model)
    for target in [model, odd, schema, folder.file("./weights"), folder.file("new.safetensors")] {
      let run = try runCommand([
        "validate", model, odd, "--schema", schema, "--output", "json=\(target)",
      ])
      #expect(run.status == 64, "\(target): \(run.error)")
    }
    let twice = try runCommand([
      "validate", model, "--schema", schema, "--output", "json=\(folder.file("r"))", "--output",
      "sarif=\(folder.file("r"))",
    ])
    #expect(twice.status == 64)
    #expect(try fileBytes(model) == before && fileBytes(odd) == before)
    #expect(try folder.contents() == ["model.pt", "s.yaml", "weights"])
  }

  @Test("a pattern that is none is wrong usage, not a file that cannot be read")
  func badPattern() throws {
    let run = try runCommand(["validate", torch, "--schema", "savi-small", "--include", "("])
    #expect(run.status == 64)
    #expect(run.error.contains("is not a regular expression"))
    #expect(run.output.isEmpty)
  }

  @Test("a tensor of the model that the schema does not require may be absent")
  func optional() throws {
    let folder = try TemporaryFolder()
    func run(_ entry: String) throws -> CommandResult {
      let schema = try write(
        folder, "s.yaml",
        "schema_version: 1\nname: s\nmodel: \(fixture("models/savi-tiny.json"))\ntensors:\n  - \(entry)\n"
      )
      return try runCommand([
        "validate", torch, "--schema", schema, "--exclude", "mask_pred.bias",
      ])
    }
    let required = try run("{name: decoder.mask_pred.bias}")
    #expect(required.status == 1)
    #expect(required.output.contains("W001 missing-tensor decoder.mask_pred.bias"))
    let optional = try run("{name: decoder.mask_pred.bias, required: false}")
    #expect(optional.status == 0, "\(optional.output)")
  }

  @Test("numbers in names are folded into a range, and can be edited")
  func folding() throws {
    let run = try runCommand(["schema", "generate", torch, "--include", "encoder.backbone"])
    #expect(run.status == 0)
    #expect(
      run.output.contains(
        #"{"name": "encoder.backbone.cnn_layers.conv_{n}.weight", "range": [1, 3], "shape": [6, 6, 5, 5]"#
      ),
      "\(run.output)")
    #expect(
      run.output.contains(#""name": "encoder.backbone.cnn_layers.conv_{n}.bias", "range": [0, 3]"#))
  }

  @Test("several files: every one is checked, and the worst decides")
  func severalFiles() throws {
    let folder = try TemporaryFolder()
    let schema = folder.file("s.yaml")
    #expect(try runCommand(["schema", "generate", torch, "-o", schema]).status == 0)
    let broken = try write(folder, "broken.pt", "not a checkpoint")
    let one = try runCommand(["validate", flax, torch, "--schema", schema])
    #expect(one.status == 1)
    #expect(one.output.contains("tiny_perturbed_torch.pt: ok"))
    let two = try runCommand(["validate", broken, torch, "--schema", schema])
    #expect(two.status == 2)
    #expect(two.output.contains("error W050 unreadable-file"))
    #expect(two.output.contains("tiny_perturbed_torch.pt: ok"))
    let none = try runCommand(["validate", folder.file("nothing.pt"), "--schema", schema])
    #expect(none.status == 2)
  }

  /// (arguments, exit code, message on standard error)
  @Test(
    "mistakes are explained",
    arguments: [
      (["validate", torch], 64, "--schema"),
      (["validate", torch, "--schema", "savi-smal"], 64, "did you mean savi-small?"),
      (["validate", torch, "--schema", "savi-small", "--output", "xml"], 64, "--output"),
      (
        ["validate", torch, "--schema", "savi-small", "--output", "text", "--output", "json"], 64,
        "Only one form can be printed"
      ),
      (["validate", torch, "--schema", "savi-small", "--update-baseline"], 64, "--baseline FILE"),
      (
        [
          "validate", torch, "--schema", "savi-small", "--baseline", "b.json", "--update-baseline",
        ], 64, "--reason TEXT"
      ),
      (["validate", torch, "--schema", "savi-small", "--today", "2026-02-30"], 64, "--today"),
      (["validate", torch, "--schema", "savi-small", "--baseline", "/nowhere/b"], 2, "/nowhere/b"),
      (["schema", "generate", torch, "--exact", "--slack", "0.1"], 64, "--exact has none"),
      (["schema", "generate", torch, "--slack", "-1"], 64, "--slack"),
    ] as [([String], Int32, String)])
  func mistakes(_ arguments: [String], _ status: Int32, _ message: String) throws {
    let run = try runCommand(arguments)
    #expect(run.status == status)
    #expect(run.error.hasPrefix("savi-ckpt: error: "))
    #expect(run.error.contains(message), "\(run.error)")
    #expect(run.output == "")
  }

  @Test(
    "a schema's mistakes are said with line and column",
    arguments: [
      (
        "tensors:\n  - {nam: x}\n",
        "line 4, column 5: tensors[0]: 'nam' is not a key here; did you mean name?"
      ),
      (
        "tensors:\n  - name: x\n    dtype: float31\n",
        "line 5, column 12: tensors[0].dtype: 'float31' is not a dtype"
      ),
      (
        "tensors:\n  - name: \"a{1}\"\n", "line 4, column 11: tensors[0].name: '{1}' is no variable"
      ),
      (
        "tensors:\n  - name: a\n    range: [0, 3]\n",
        "line 5, column 12: tensors[0].range: the range 0 to 3 needs exactly one variable"
      ),
      (
        "tensors:\n  - name: a\n    std: {min: 2, max: 1}\n",
        "line 5, column 10: tensors[0].std: min 2.0 exceeds max 1.0"
      ),
      ("tensors:\n  - name: a\n    name: b\n", "a key occurs twice: name"),
      ("tensors:\n  - &x {name: a}\n  - *x\n", "anchors and aliases are not used here"),
      ("tensors: [\n", "neither YAML nor JSON"),
      (
        "world: round\ntensors: [{name: a}]\n",
        "line 3, column 8: world: 'round' is not one of closed, open"
      ),
      ("model: savi-tall\n", "line 3, column 8: model: 'savi-tall' is neither a built-in model"),
      ("", "this schema names no tensor"),
      (
        "tensors:\n  - {name: \"a{n}\", range: [0, 900000]}\n  - {name: \"b{n}\", range: [0, 900000]}\n",
        "the ranges of this schema stand for 1800002 tensors"
      ),
    ])
  func schemaMistakes(_ body: String, _ message: String) throws {
    let folder = try TemporaryFolder()
    let path = try write(folder, "s.yaml", "schema_version: 1\nname: s\n" + body)
    for arguments in [["schema", "lint", path], ["validate", torch, "--schema", path]] {
      let run = try runCommand(arguments)
      #expect(run.status == 2)
      #expect(run.error.contains(message), "\(run.error)")
      #expect(run.error.contains("s.yaml: "))
    }
    let check = try runCommand(["schema", "check", path])
    #expect(check.status == 1)
    #expect(check.output.contains("NOT WELL FORMED: "))
  }

  @Test("lint finds entries that contradict each other")
  func lint() throws {
    let folder = try TemporaryFolder()
    let path = try write(
      folder, "s.yaml",
      """
      schema_version: 1
      name: s
      tensors:
        - {name: a, alias_of: b}
        - {name: a}
        - {name: "x.*"}
        - {name: c, constant: 1, std: {max: 2}}
      """)
    let run = try runCommand(["schema", "lint", path])
    #expect(run.status == 1)
    for line in [
      "line 4, column 5: error: a: it refers to b, which no entry names",
      "error: a: entries 1 and 2 have the same name",
      "note: x.*: any number of tensors may match",
      "warning: c: a constant needs no bounds of its mean or std",
    ] {
      #expect(run.output.contains(line), "\(run.output)")
    }
    #expect(try runCommand(["schema", "lint"]).status == 0)
  }

  @Test("a baseline waives findings until its day; updating it keeps what is there")
  func baseline() throws {
    let folder = try TemporaryFolder()
    let schema = folder.file("s.yaml")
    let half = folder.file("half.pt")
    #expect(try runCommand(["schema", "generate", torch, "-o", schema]).status == 0)
    #expect(
      try runCommand(
        ["convert", torch, "--map", "none", "--dtype", "float16", "-o", half]).status == 0)
    let record = folder.file("baseline.json")
    let arguments = ["validate", half, "--schema", schema, "--baseline", record]
    #expect(try runCommand(["validate", half, "--schema", schema]).status == 1)
    let update = try runCommand(
      arguments + ["--update-baseline", "--reason", "half precision", "--expires", "2999-12-31"])
    #expect(update.status == 0, "\(update.output)\(update.error)")
    #expect(update.error.contains(" more than before"), "\(update.error)")
    let waived = try runCommand(arguments + ["--output", "markdown"])
    #expect(waived.status == 0)
    #expect(waived.output.contains("half precision (until 2999-12-31)"))
    #expect(try runCommand(arguments + ["--today", "3000-01-01"]).status == 1)
    // The right file needs no waiver: each is said to be unused.
    let unused = try runCommand(["validate", torch, "--schema", schema, "--baseline", record])
    #expect(unused.status == 0)
    #expect(unused.output.contains("note W061 unused-waiver"))
  }

  @Test("reports in several forms at once, one printed and the others into files")
  func outputs() throws {
    let folder = try TemporaryFolder()
    let (junit, sarif) = (folder.file("w.xml"), folder.file("w.sarif"))
    let run = try runCommand([
      "validate", sample, "--schema", "savi-small", "--output", "github", "--output",
      "junit=\(junit)", "--output", "sarif=\(sarif)",
    ])
    #expect(run.status == 1)
    #expect(
      run.output.hasPrefix(
        "::error file=\(sample),title=W041 other-layout::expected the tensors of savi-small"))
    #expect(try String(contentsOfFile: junit, encoding: .utf8).contains("<failure type=\"W041\""))
    let document = try JSONParser.parse(try fileBytes(sarif))
    #expect(document["version"] == .string("2.1.0"))
  }

  @Test("what a name holds cannot break a report")
  func hostileNames() throws {
    let folder = try TemporaryFolder()
    let name = "a\n::error::b,c%<&\">\u{1B}[31m"
    let header =
      #"{"\#(name.replacing("\n", with: "\\n").replacing("\"", with: "\\\"").replacing("\u{1B}", with: "\\u001b"))":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
    let size = header.utf8.count
    let bytes =
      (0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) } + header.utf8 + [0, 0, 0, 0]
    let path = try folder.write("x.safetensors", bytes)
    for form in ["text", "json", "junit", "sarif", "github", "markdown"] {
      let run = try runCommand(["validate", path, "--schema", "savi-small", "--output", form])
      #expect(run.status == 1, "\(form): \(run.error)")
      #expect(!run.output.contains("\u{1B}"), "\(form)")
      if form == "github" {
        #expect(run.output.split(separator: "\n").count { $0.hasPrefix("::error::") } == 0)
      }
      if form == "junit" { #expect(!run.output.contains("c%<")) }
    }
  }
}
