import CheckpointCore
import Foundation
import TestSupport
import Testing

private let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path
private let tiny = fixture("models/savi-tiny.json")

@Suite("Any format to any other, by the real binary")
struct FormatCommandTests {
  @Test("the four forms of the same parameters make the same file, byte for byte")
  func fourForms() throws {
    let folder = try TemporaryFolder()
    var outputs: [[UInt8]] = []
    for file in [
      "flax.npz", "flax.h5", "flax.msgpack", "trainstate_flax.msgpack",
    ] {
      let run = try runCommand([
        "convert", fixture("golden/tiny_perturbed_\(file)"), "--map", tiny, "-o",
        folder.file("x.pt"), "--force",
      ])
      #expect(run.status == 0, "\(run.error)")
      outputs.append(try fileBytes(folder.file("x.pt")))
    }
    #expect(outputs.allSatisfy { $0 == outputs[0] })
  }

  @Test(
    "a chain through every format keeps the root hash and finds no difference",
    arguments: ["npz", "h5", "flax", "safetensors", "pt"])
  func chain(_ last: String) throws {
    let folder = try TemporaryFolder()
    var source = sample
    for (step, name) in ["safetensors", "flax", "h5", "pt", "npz", last].enumerated() {
      let target = folder.file("\(step).\(name)")
      let run = try runCommand(["convert", source, "--map", "none", "-o", target])
      #expect(run.status == 0, "\(run.error)")
      source = target
    }
    #expect(try runCommand(["hash", source]).output == runCommand(["hash", sample]).output)
    let diff = try runCommand(["diff", sample, source])
    #expect(diff.output == "69 tensors compared, no differences\n")
    #expect(diff.status == 0)
  }

  @Test(
    "the same input gives the same bytes", arguments: ["npz", "h5", "flax", "safetensors", "pt"])
  func deterministic(_ format: String) throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      let run = try runCommand(["convert", sample, "-o", folder.file("\(name).\(format)")])
      #expect(run.status == 0, "\(run.error)")
    }
    #expect(
      try fileBytes(folder.file("a.\(format)")) == fileBytes(folder.file("b.\(format)")))
  }

  @Test("aliases survive formats without shared storage, or are copied and said so")
  func aliases() throws {
    let folder = try TemporaryFolder()
    let notes = ["safetensors": "kept as names in the metadata", "flax": "written as copies"]
    for (format, note) in notes {
      let target = folder.file("x.\(format)")
      #expect(try runCommand(["convert", sample, "-o", target]).error.contains(note))
    }
    let back = folder.file("y.pt")
    _ = try runCommand(["convert", folder.file("x.safetensors"), "--map", "none", "-o", back])
    #expect(try runCommand(["ls", back]).output.contains("82 tensors, 23 of them aliases"))
  }

  @Test("diff names every kind of difference, and compares across a mapping")
  func diff() throws {
    let folder = try TemporaryFolder()
    let converted = folder.file("x.pt")
    _ = try runCommand(["convert", sample, "-o", converted])
    let across = try runCommand(["diff", sample, converted, "--map", "savi-small"])
    #expect(across.output == "82 tensors compared, no differences\n")
    let names = try runCommand(["diff", sample, converted])
    #expect(names.status == 1)
    #expect(names.output.hasSuffix("0 tensors compared, 151 differences\n"))
    let half = folder.file("half.pt")
    _ = try runCommand(["convert", sample, "-o", half, "--dtype", "float16"])
    let cast = try runCommand(["diff", converted, half, "--include", "w_q$", "--rtol", "1e-3"])
    #expect(
      cast.output.contains("\n  corrector.w_q            float32 and float16, rounded\n"),
      "\(cast.output)")
    let wrong = try runCommand([
      "diff", fixture("golden/tiny_perturbed_flax.npz"), converted, "--map", tiny,
    ])
    #expect(wrong.status == 1)
    #expect(wrong.output.contains("  (6, 3, 5, 5) and (32, 3, 5, 5)\n"), "\(wrong.output)")
  }

  @Test("shards hold everything, and a missing one is an error")
  func shards() throws {
    let folder = try TemporaryFolder()
    let run = try runCommand([
      "convert", sample, "-o", folder.file("m.safetensors"), "--max-shard-size", "1MB",
    ])
    #expect(run.status == 0, "\(run.error)")
    let index = folder.file("m.safetensors.index.json")
    let whole = folder.file("whole.pt")
    _ = try runCommand(["convert", sample, "-o", whole])
    #expect(try runCommand(["diff", whole, index]).status == 0)
    let files = try folder.contents()
    let shard = try #require(files.first { $0.contains("00002-of") })
    try FileManager.default.removeItem(atPath: folder.file(shard))
    let missing = try runCommand(["ls", index])
    #expect(missing.status == 2)
    #expect(missing.error.contains(shard))
  }

  @Test("a single array is written as np.save writes it")
  func npy() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("x.npy")
    let run = try runCommand([
      "convert", fixture("numpy/layouts.npz"), "--map", "none", "--include", "^fortran$", "-o",
      output,
    ])
    #expect(run.error.contains("npy has no names: fortran is written without its own"))
    let again = folder.file("y.npy")
    _ = try runCommand(["convert", fixture("numpy/single.npy"), "--map", "none", "-o", again])
    #expect(try fileBytes(again) == fileBytes(fixture("numpy/single.npy")))
    #expect(try runCommand(["ls", output]).output.contains("float32  (3, 4)"))
  }

  @Test("compressed HDF5 is smaller and equal")
  func gzip() throws {
    let folder = try TemporaryFolder()
    for (name, options) in [("plain.h5", []), ("packed.h5", ["--gzip", "6"])] {
      let run = try runCommand(["convert", sample, "-o", folder.file(name)] + options)
      #expect(run.status == 0, "\(run.error)")
    }
    #expect(
      try runCommand(["diff", folder.file("plain.h5"), folder.file("packed.h5")]).status == 0)
    let (plain, packed) = (
      try fileBytes(folder.file("plain.h5")).count, try fileBytes(folder.file("packed.h5")).count
    )
    #expect(packed < plain)
  }

  @Test(
    "what a format cannot hold is refused, and options that fit nothing are wrong usage",
    arguments: [
      (["torch/dtypes.pt", "-o", "OUT.safetensors"], 2, "safetensors has no name for complex128"),
      (["numpy/single.npy", "-o", "OUT.h5"], 2, "HDF5 cannot name a dataset like this"),
      (
        ["torch/dtypes.pt", "-o", "OUT.pt", "--gzip", "3"], 64,
        "torch files are not written compressed"
      ),
      (
        ["torch/dtypes.pt", "-o", "OUT.pt", "--max-shard-size", "1MB"], 64,
        "only safetensors output"
      ),
      (["torch/dtypes.pt", "-o", "OUT.pt", "--dtype", "int8"], 64, "--dtype takes"),
      (["torch/dtypes.pt", "-o", "OUT.pt", "--gzip", "0"], 64, "--gzip takes"),
    ] as [([String], Int32, String)])
  func refusals(_ arguments: [String], _ status: Int32, _ message: String) throws {
    let folder = try TemporaryFolder()
    let all =
      ["convert", fixture(arguments[0]), "--map", "none"]
      + arguments.dropFirst().map { $0.replacing("OUT", with: folder.file("out")) }
    let run = try runCommand(all)
    #expect(run.status == status)
    #expect(run.error.contains(message), "\(run.error)")
    #expect(try folder.contents().isEmpty)
  }

  @Test("a cast that overflows says how often")
  func overflow() throws {
    let folder = try TemporaryFolder()
    let model = folder.file("m.json")
    let text = """
      {"schema_version": 1, "name": "m", "title": "t", "rules": [
        {"target": "x", "source": "float32", "role": "copy"}, {"drop": "other"},
        {"constant": "big", "shape": [3], "dtype": "float32", "value": 1e6}]}
      """
    try text.write(toFile: model, atomically: true, encoding: .utf8)
    let run = try runCommand([
      "convert", fixture("torch/dtypes.pt"), "--include", "^float32$", "--map", model, "-o",
      folder.file("x.pt"), "--dtype", "float16",
    ])
    #expect(run.status == 0, "\(run.error)")
    #expect(run.error.contains("3 values beyond the range of float16 became infinite"))
  }

  @Test("a foreign temporary file is left alone, and a file-size limit is an error")
  func leftovers() throws {
    let folder = try TemporaryFolder()
    let shell = try runProcess(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", "touch \"$OUT.$$.partial\"; exec \"$BIN\" convert \"$SAMPLE\" -o \"$OUT\""],
      environment: ["BIN": binary.path, "SAMPLE": sample, "OUT": folder.file("x.pt")])
    #expect(shell.status == 0, "\(shell.error)")
    #expect(try folder.contents().count == 2)
    #expect(try folder.contents().contains("x.pt"))
  }
}
