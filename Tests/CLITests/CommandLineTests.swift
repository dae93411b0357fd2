import CheckpointCore
import Foundation
import TestSupport
import Testing

private let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path
private let tinyModel = fixture("models/savi-tiny.json")

@Suite("The main job, by the real binary")
struct MainJobTests {
  @Test("the sample converts, and its table and tree are the published ones")
  func publishedTable() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("savi-small.pt")
    let convert = try runCommand(["convert", sample, "-o", output])
    #expect(convert.status == 0, "\(convert.error)")
    #expect(convert.output == "")
    #expect(
      convert.error
        == "\(output): 69 tensors became 59 and 23 aliases by the mapping savi-small, "
        + "895,524 elements, 3.4 MiB\n")
    let stats = try runCommand(["stats", output])
    #expect(stats.output == (try fixtureText("golden/parameter-table.txt")))
    let describe = try runCommand(["describe", "savi-small"])
    #expect(describe.output == (try fixtureText("golden/module-tree.txt")))
  }

  @Test("the sample converts to the recorded state dict, and back to itself")
  func identity() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("a.pt")
    #expect(try runCommand(["convert", sample, "-o", output]).status == 0)
    #expect(
      try runCommand(["hash", output]).output
        == fixtureText("golden/small_seed42_torch.sha256"))
    let back = folder.file("b.npz")
    #expect(try runCommand(["convert", output, "--reverse", "-o", back]).status == 0)
    #expect(try fileBytes(back) == fileBytes(sample))
  }

  @Test("changing the format alone keeps the root hash")
  func formatOnly() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("x.pt")
    #expect(try runCommand(["convert", sample, "--map", "none", "-o", output]).status == 0)
    #expect(try runCommand(["hash", output]).output == runCommand(["hash", sample]).output)
    let file = fixture("torch/views.pt")
    let copy = folder.file("views.pt")
    #expect(try runCommand(["convert", file, "--map", "none", "-o", copy]).status == 0)
    #expect(try runCommand(["hash", copy]).output == runCommand(["hash", file]).output)
  }

  @Test("a mapping file works as a built-in one does")
  func mappingFile() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("tiny.pt")
    let run = try runCommand(
      ["convert", fixture("golden/tiny_perturbed_flax.npz"), "--map", tinyModel, "-o", output])
    #expect(run.status == 0, "\(run.error)")
    #expect(
      try runCommand(["hash", output]).output
        == runCommand(["hash", fixture("golden/tiny_perturbed_torch.pt")]).output)
  }

  @Test("a dry run prints the plan and writes nothing")
  func dryRun() throws {
    let folder = try TemporaryFolder()
    let run = try runCommand(["convert", sample, "-o", folder.file("x.pt"), "--dry-run"])
    #expect(run.status == 0)
    #expect(run.output.contains("corrector.gru.weight_ih"))
    #expect(run.output.contains("SlotAttention_0/GRU_0/GRUCell_0/iz/kernel"))
    #expect(try folder.contents().isEmpty)
  }
}

@Suite("Errors: one line, the right exit code, nothing left behind")
struct ErrorTests {
  /// (arguments with OUT for an output path, exit code, what the message contains)
  @Test(
    "of every kind",
    arguments: [
      (["ls", "/nowhere/x.npz"], 2, "cannot open this file: No such file or directory"),
      (["ls", fixture("golden/module-tree.txt")], 2, "the format of this file is not known"),
      (["ls", fixture("golden")], 2, "this folder holds 12 checkpoints: "),
      (["stats"], 64, "Missing expected argument '<file>'"),
      (["frobnicate"], 64, "frobnicate"),
      (["stats", sample, "--style", "pretty"], 64, "--style"),
      (["stats", sample, "--max-lines", "-1"], 64, "max-lines"),
      (["stats", sample, "--include", "("], 64, "is not a regular expression"),
      (["stats", sample, "--key", "FrameEncoder"], 2, "did you mean FrameEncoder_0?"),
      (["convert", sample, "-o", "OUT.xyz"], 64, "this name's extension stands for no format"),
      (["convert", sample, "-o", "OUT.npy"], 2, "an npy file holds one array, not 82"),
      (["convert", sample, "-o", "/nowhere/x.pt"], 2, "create the folder first"),
      (["convert", sample, "-o", "OUT.pt", "--map", "savi-smal"], 64, "did you mean savi-small?"),
      (
        ["convert", sample, "-o", "OUT.pt", "--map", "savi-medium"], 2,
        "the mapping does not fit: savi-medium"
      ),
      (
        ["convert", sample, "-o", "OUT.pt", "--exclude", "hn/bias"], 2,
        "1 missing (SlotAttention_0/GRU_0/GRUCell_0/hn/bias)"
      ),
      (["convert", sample, "-o", "OUT.pt", "--reverse"], 2, "these are Flax parameters already"),
      (
        ["convert", sample, "-o", "OUT.pt", "--map", "none", "--reverse"], 64, "--map none has none"
      ),
      (
        ["convert", sample, "-o", "OUT.pt", "--map", "none", "--include", "^$"], 2,
        "no entry of this checkpoint is left by --include and --exclude"
      ),
      (
        ["convert", fixture("numpy/placeholders.npz"), "--map", "none", "-o", "OUT.pt"], 2,
        "5 entries hold data that cannot be read"
      ),
      (
        ["convert", fixture("golden/tiny_perturbed_flax.npz"), "-o", "OUT.pt"], 2,
        "no model's mapping fits"
      ),
      (["map", "explain", "nothing", "--map", "savi-small"], 2, "no rule of savi-small"),
      (
        ["describe", fixture("golden/small_mapping.json")], 2, "an object expected, an array found"
      ),
    ] as [([String], Int32, String)])
  func message(_ arguments: [String], _ status: Int32, _ message: String) throws {
    let folder = try TemporaryFolder()
    let run = try runCommand(arguments.map { $0.replacing("OUT", with: folder.path + "/out") })
    #expect(run.status == status)
    #expect(run.output == "")
    #expect(run.error.hasPrefix("savi-ckpt: error: "))
    #expect(run.error.contains(message), "\(run.error)")
    #expect(run.error.count { $0 == "\n" } == 1)
    #expect(try folder.contents().isEmpty)
  }

  @Test("an existing output is kept, unless --force says otherwise")
  func existing() throws {
    let folder = try TemporaryFolder()
    let output = try folder.write("out.pt", [1, 2, 3])
    let refused = try runCommand(["convert", sample, "-o", output])
    #expect(refused.status == 2)
    #expect(refused.error.contains("use --force to replace it"))
    #expect(try fileBytes(output) == [1, 2, 3])
    #expect(try runCommand(["convert", sample, "-o", output, "--force"]).status == 0)
    #expect(try runCommand(["ls", output]).status == 0)
    #expect(try folder.contents() == ["out.pt"])
  }

  @Test("names of 60 kB are cut in the middle, and a link that leads to itself is called that")
  func names() throws {
    let folder = try TemporaryFolder()
    let name = "begin" + String(repeating: "x", count: 60_000) + "end"
    let header = #"{"\#(name)":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}}"#
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    let run = try runCommand(["ls", try folder.write("x", length + header.utf8 + [0])])
    #expect(run.status == 2)
    #expect(run.error.contains("beginxxx") && run.error.contains("xxxend"), "\(run.error)")
    #expect(run.error.utf8.count < 1000)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("loop"), withDestinationPath: folder.file("loop"))
    let loop = try runCommand(["ls", folder.file("loop")])
    #expect(loop.status == 2)
    #expect(loop.error.contains("the link leads back to itself"), "\(loop.error)")
  }

  @Test("a truncated archive, and one with a damaged tensor, convert to nothing")
  func damaged() throws {
    let folder = try TemporaryFolder()
    var bytes = try fileBytes(sample)
    let short = try folder.write("short.npz", Array(bytes.dropLast(1000)))
    bytes[1_000_000] ^= 0xFF
    let flipped = try folder.write("flipped.npz", bytes)
    for (file, message) in [(short, "is damaged"), (flipped, "CRC-32")] {
      let run = try runCommand(["convert", file, "-o", folder.file("out.pt")])
      #expect(run.status == 2)
      #expect(run.error.contains(message), "\(run.error)")
    }
    #expect(try folder.contents() == ["flipped.npz", "short.npz"])
  }

  @Test(
    "a full disk is said, and leaves nothing",
    .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func fullDisk() throws {
    let run = try runShell("\"$BIN\" stats \"$SAMPLE\" > /dev/full")
    #expect(run.status == 2)
    #expect(run.error.contains("No space left on device"))
    // A file-size limit stops the write of the output as a full disk does.
    let folder = try TemporaryFolder()
    let limited = try runShell(
      "ulimit -f 100; \"$BIN\" convert \"$SAMPLE\" -o \"$OUT\"", folder)
    #expect(limited.status == 2)
    #expect(limited.error.contains("cannot write to this file"))
    #expect(try folder.contents().isEmpty)
  }

  @Test(
    "a folder without write permission is said",
    .disabled(if: getuid() == 0, "root may write anywhere"))
  func readOnlyFolder() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.path)
    let run = try runCommand(["convert", sample, "-o", folder.file("x.pt")])
    #expect(run.status == 2)
    #expect(run.error.contains("check the permissions"))
  }
}

/// Runs a shell script with the binary as $BIN, the sample as $SAMPLE and an output as $OUT.
private func runShell(_ script: String, _ folder: TemporaryFolder? = nil) throws -> CommandResult {
  try runProcess(
    URL(fileURLWithPath: "/bin/sh"), ["-c", script],
    environment: [
      "BIN": binary.path, "SAMPLE": sample, "FOLDER": folder?.path ?? "",
      "OUT": folder?.file("out.pt") ?? "",
    ])
}

@Suite("Machine-readable output")
struct JSONOutputTests {
  @Test(
    "is one document with a schema version",
    arguments: [
      ["ls", sample, "--json"], ["stats", sample, "--json"], ["hash", sample, "--json"],
      ["describe", "savi-medium", "--json"], ["map", "list", "--json"],
      ["map", "show", "savi-small", "--json"], ["map", "lint", "savi-small", "--json"],
      ["map", "explain", "corrector.w_q", "--map", "savi-small", "--json"],
      ["convert", sample, "-o", "x.pt", "--dry-run", "--json"],
    ])
  func documents(_ arguments: [String]) throws {
    let run = try runCommand(arguments)
    #expect(run.status == 0, "\(run.error)")
    let document = try JSONParser.parse(Array(run.output.utf8))
    #expect(document["schema_version"] == .int(1))
  }

  @Test("ls tells where each tensor lies, without reading it")
  func offsets() throws {
    let run = try runCommand(["ls", fixture("numpy/single.npy"), "--json"])
    let document = try JSONParser.parse(Array(run.output.utf8))
    guard case .array(let tensors)? = document["tensors"] else {
      Issue.record("no tensors")
      return
    }
    #expect(tensors[0]["storage"]?["byte_offset"] == .int(128))
    #expect(tensors[0]["storage"]?["file_offset"] == .int(0))
  }
}

@Suite("Reports")
struct ReportTests {
  @Test("ls lists tensors, aliases, placeholders and a summary")
  func ls() throws {
    let run = try runCommand(["inspect", fixture("torch/training.pt"), "--key", "optimizer"])
    #expect(
      run.output == """
        Name                Dtype    Shape   Bytes
        state.0.step        float32  ()      4
        state.0.exp_avg     float32  (2, 2)  16
        state.0.exp_avg_sq  float32  (2, 2)  16
        state.1.step        float32  ()      4
        state.1.exp_avg     float32  (2,)    8
        state.1.exp_avg_sq  float32  (2,)    8
        param_groups        -        -       -      list of 1

        PyTorch zip: 6 tensors, 1 other entry, 14 elements, 56 B

        """)
  }

  @Test("explain names the rule, the role and the layout of a tensor of either side")
  func explain() throws {
    for name in ["processor.corrector.gru.bias_hh", "SlotAttention_0/GRU_0/GRUCell_0/hn/bias"] {
      let run = try runCommand(["map", "explain", name, "--map", "savi-small"])
      #expect(
        run.output.hasSuffix(
          """
          corrector.gru.bias_hh (384,)
            from SlotAttention_0/GRU_0/GRUCell_0/hn/bias (128,)
            role   gru.recurrent_bias (rule 31 of savi-small)
            layout g o -> (g o), g = 0, 1 zero

          """))
    }
  }

  @Test("explain finds a member of a family whose numbers are left to the file")
  func explainFamily() throws {
    for name in [
      "vit.encoder.layer.7.output.dense.weight", "vit/encoder/layer/7/output/dense/kernel",
    ] {
      let run = try runCommand(["map", "explain", name, "--map", "vit"])
      #expect(
        run.output == """
          vit.encoder.layer.7.output.dense.weight
            from vit/encoder/layer/7/output/dense/kernel
            role   dense.kernel (rule 15 of vit)
            layout i o -> o i

          """)
    }
  }

  @Test("notes tell what a conversion leaves out; --quiet keeps them back")
  func notes() throws {
    let folder = try TemporaryFolder()
    let arguments = [
      "convert", fixture("torch/training.pt"), "--map", "none", "--key", "optimizer",
    ]
    let run = try runCommand(arguments + ["-o", folder.file("a.npz")])
    #expect(run.error.contains("note: left out 1 entry, not parameters: param_groups"))
    let quiet = try runCommand(arguments + ["-o", folder.file("b.npz"), "--quiet"])
    #expect(quiet.error == "")
  }

  @Test("a mapping with findings fails lint")
  func lint() throws {
    let folder = try TemporaryFolder()
    let text =
      #"{"schema_version": 1, "name": "m", "title": "t", "modules": {"class": "M", "parameters": {"a": [1]}}, "rules": []}"#
    let path = try folder.write("m.json", Array(text.utf8))
    let run = try runCommand(["map", "lint", path])
    #expect(run.status == 1)
    #expect(run.output.contains("error: a: no rule makes this tensor of the model [missing]"))
    #expect(try runCommand(["map", "lint", "savi-small", "savi-medium"]).status == 0)
  }

  @Test("a GRU bias that Flax has no place for is refused on the way back")
  func recurrentBias() throws {
    let folder = try TemporaryFolder()
    // One gate bias of 1 in a mapping of that tensor alone.
    let model = """
      {"schema_version": 1, "name": "m", "title": "t", "rules": [
        {"target": "x", "source": "hn/bias", "role": "gru.recurrent_bias"}]}
      """
    let mapping = try folder.write("m.json", Array(model.utf8))
    for (values, status) in [([0, 0, 1] as [UInt8], Int32(0)), ([1, 0, 1], 2)] {
      let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }"
      let npy = [0x93] + "NUMPY".utf8 + [1, 0, UInt8(header.utf8.count), 0] + header.utf8 + values
      let path = try folder.write("x.npz", storedZip([("x.npy", npy)], withChecksums: true))
      let run = try runCommand(
        ["convert", path, "--map", mapping, "--reverse", "-o", folder.file("o.npz")])
      #expect(run.status == status, "\(run.error)")
      if status != 0 { #expect(run.error.contains("element 0 is not zero")) }
      try? FileManager.default.removeItem(atPath: folder.file("o.npz"))
    }
  }
}
