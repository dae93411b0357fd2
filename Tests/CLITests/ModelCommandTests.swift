import CheckpointCore
import Foundation
import TestSupport
import Testing

private let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path
private let tiny = ["--map", fixture("models/savi-tiny.json")]
private let tinyInputs = ["--inputs", fixture("golden/tiny_inputs.npz")]
private let flax = fixture("golden/tiny_perturbed_flax.npz")
private let torch = fixture("golden/tiny_perturbed_torch.pt")

/// An npy file of zeros: float32, or bytes.
private func npy(_ dtype: String, _ shape: [Int]) -> [UInt8] {
  let text = shape.map(String.init).joined(separator: ", ")
  let header = "{'descr': '\(dtype)', 'fortran_order': False, 'shape': (\(text)), }"
  let count = shape.reduce(dtype == "|u1" ? 1 : 4, *)
  return [0x93] + "NUMPY".utf8 + [1, 0, UInt8(header.utf8.count), 0] + header.utf8
    + [UInt8](repeating: 0, count: count)
}

@Suite("verify and run on files that are almost right")
struct AlmostRightTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The converted checkpoint as an npz, whose second names are copies, after `change` had its
  /// arrays: each an npy file, with where its elements begin.
  private func changed(
    _ change: (inout [(name: String, data: [UInt8], start: Int)]) -> Void
  ) throws -> String {
    let path = folder.file("copies.npz")
    let run = try runCommand(["convert", torch, "--map", "none", "-o", path])
    #expect(run.status == 0, "\(run.error)")
    let listed = try JSONParser.parse(Array(try runCommand(["ls", path, "--json"]).output.utf8))
    let bytes = try fileBytes(path)
    var arrays: [(name: String, data: [UInt8], start: Int)] = []
    if case .array(let tensors)? = listed["tensors"] {
      for tensor in tensors {
        guard case .string(let name)? = tensor["name"], case .int(let count)? = tensor["bytes"],
          case .int(let file)? = tensor["storage"]?["file_offset"],
          case .int(let start)? = tensor["storage"]?["byte_offset"]
        else { continue }
        arrays.append((name, Array(bytes[file..<file + start + count]), start))
      }
    }
    change(&arrays)
    return try folder.write(
      "changed.npz",
      storedZip(arrays.map { ($0.name + ".npy", $0.data) }, withChecksums: true))
  }

  @Test("a second name that holds other elements is found, though no stage shows it")
  func alias() throws {
    let file = try changed { arrays in
      for index in arrays.indices where arrays[index].name == "processor.corrector.w_q" {
        let start = arrays[index].start
        for byte in start..<arrays[index].data.count { arrays[index].data[byte] = 0 }
      }
    }
    let run = try runCommand(["verify", flax, file] + tiny + tinyInputs)
    #expect(run.status == 1, "\(run.error)")
    #expect(run.output.contains("processor.corrector.w_q by "), "\(run.output)")
  }

  @Test("one tensor too few, or too many, is named, and nothing else")
  func count() throws {
    let missing = try runCommand(
      ["verify", flax, torch, "--exclude", "^decoder.mask_pred.bias$"] + tiny)
    #expect(missing.status == 2)
    #expect(
      missing.error.contains(
        "the mapping does not fit: savi-tiny: 1 missing (decoder.mask_pred.bias"),
      "\(missing.error)")
    let more = try changed { $0.append(("extra.weight", $0[0].data, 0)) }
    let extra = try runCommand(["verify", flax, more] + tiny)
    #expect(extra.status == 2)
    #expect(
      extra.error.contains("the mapping does not fit: savi-tiny: 1 in no rule (extra.weight)"),
      "\(extra.error)")
  }

  @Test("a model document with a stride beyond every frame is refused in a sentence")
  func strides() throws {
    let text = try String(contentsOfFile: fixture("models/savi-tiny.json"), encoding: .utf8)
    let wide = text.replacing(#""stride": [2, 2]"#, with: #""stride": [1073741824, 1073741824]"#)
    #expect(wide != text)
    let model = try folder.write("wide.json", Array(wide.utf8))
    let run = try runCommand(["run", torch, "--map", model])
    #expect(run.status == 2, "\(run.status) \(run.error)")
    #expect(run.error.hasPrefix("savi-ckpt: error: "))
  }
}

@Suite("run, by the real binary")
struct RunCommandTests {
  @Test("writes the stages asked for, which verify finds equal to themselves")
  func stages() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("stages.npz")
    let run = try runCommand(
      ["run", torch, "-o", path, "--stages", "flow,corrected", "--conventions", "flax"] + tiny
        + tinyInputs)
    #expect(run.status == 0, "\(run.error)")
    #expect(
      run.output.split(separator: "\n").map { $0.prefix(9) }.dropFirst() == [
        "corrected", "flow     ",
      ])
    let listed = try runCommand(["ls", path])
    #expect(listed.output.contains("(1, 2, 16, 16, 3)"))
    let verify = try runCommand(["verify", flax, "--reference", path] + tiny + tinyInputs)
    #expect(verify.status == 0, "\(verify.output)")
    let again = try runCommand(["run", torch, "-o", path] + tiny)
    #expect(again.status == 2)
    #expect(again.error.contains("use --force"))
  }

  @Test("without inputs the clip is the same every time")
  func synthetic() throws {
    let folder = try TemporaryFolder()
    for name in ["a.npz", "b.npz"] {
      let run = try runCommand(["run", flax, "--frames", "3", "-o", folder.file(name)] + tiny)
      #expect(run.status == 0, "\(run.error)")
    }
    #expect(try fileBytes(folder.file("a.npz")) == fileBytes(folder.file("b.npz")))
  }

  @Test("NaN is drawn, not a crash")
  func notANumber() throws {
    let folder = try TemporaryFolder()
    // Every weight NaN: the fixture's float32 elements replaced in an uncompressed file.
    let safetensors = folder.file("nan.safetensors")
    #expect(
      try runCommand(
        ["convert", flax, "--map", "none", "-o", safetensors]).status == 0)
    var bytes = try fileBytes(safetensors)
    let header = bytes[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    for index in 8 + header..<bytes.count { bytes[index] = 0xFF }
    _ = try folder.write("nan.safetensors", bytes)
    let run = try runCommand(
      ["run", safetensors, "--frames", "1", "--png", folder.file("sheets")] + tiny)
    #expect(run.status == 0, "\(run.error)")
    #expect(run.output.contains("nan"))
  }

  @Test("contact sheets: one per clip, continued after twelve frames")
  func sheets() throws {
    let folder = try TemporaryFolder()
    let png = folder.file("sheets")
    let arguments = ["run", flax, "--frames", "13", "--png", png, "--stages", "init_slots"] + tiny
    let run = try runCommand(arguments)
    #expect(run.status == 0, "\(run.error)")
    let names = try FileManager.default.contentsOfDirectory(atPath: png).sorted()
    #expect(names == ["clip-0-2.png", "clip-0.png"])
    #expect(try fileBytes(png + "/clip-0.png").prefix(4) == [0x89, 0x50, 0x4E, 0x47])
    #expect(try runCommand(arguments).status == 2)
    #expect(try runCommand(arguments + ["--force"]).status == 0)
  }

  /// (arguments, exit code, message)
  @Test(
    "mistakes are explained",
    arguments: [
      (["run", flax, "--conventions", "port"], 64, "they run with Flax's conventions"),
      (["run", flax, "--stages", "flow,flaw"], 64, "'flaw' is no stage; did you mean flow?"),
      (["run", flax, "-o", "stages.txt"], 64, "this name's extension stands for no format"),
      (["verify", flax, flax, "--strict"], 64, "--strict asks about a PyTorch module"),
      (["verify", "--certificate", "c.json", "--strict"], 64, "of the options only --map"),
      (
        ["verify", flax, "--reference", flax, "--conventions", "port"] + tinyInputs, 64,
        "they run with Flax's conventions"
      ),
      (["run", flax, "--frames", "0"], 64, "--frames takes a number from 1 to 1000"),
      (["run", flax, "--inputs", flax], 2, "video: an array of this name expected"),
      (["run", sample, "--map", "savi-medium"], 2, "the mapping does not fit"),
      (["verify", flax], 64, "verify takes two files"),
      (["verify", flax, "--reference", flax], 64, "the --inputs of the recording"),
      (["verify", flax, torch, "--tolerance", "flow=x"], 64, "--tolerance"),
      (["verify", flax, torch, "--conventions", "port"], 64, "name one with --reference"),
      (
        ["verify", torch, "--reference", flax] + tinyInputs, 2,
        "no array of this file is named after a stage"
      ),
      (["verify", "--certificate", flax], 2, "not a JSON document"),
    ] as [([String], Int32, String)])
  func mistakes(_ arguments: [String], _ status: Int32, _ message: String) throws {
    let run = try runCommand(arguments + (arguments.contains("--map") ? [] : tiny))
    #expect(run.status == status)
    #expect(run.error.hasPrefix("savi-ckpt: error: "))
    #expect(run.error.contains(message), "\(run.error)")
    #expect(run.output == "")
  }

  /// (name, dtype, shape), then what is said of inputs where one array is such.
  @Test(
    "wrong inputs are explained",
    arguments: [
      ("video", "<f4", [2, 16, 16, 3], "add a batch axis: video[None]"),
      ("video", "|u1", [1, 2, 16, 16, 3], "video.astype('float32') / 255"),
      ("video", "<f4", [1, 2, 8, 16, 3], "takes frames of 16 x 16 pixels, 8 x 16 found"),
      ("video", "<f4", [1, 2, 16, 16, 4], "(batch, frames, height, width, 3) expected"),
      ("video", "<f4", [1, 0, 16, 16, 3], "holds no frame"),
      ("boxes", "<f4", [1, 10, 4], "(batch, frames, objects, 4) expected"),
      ("boxes", "<f4", [1, 3, 10, 4], "1 clips of 2 frames expected"),
    ] as [(String, String, [Int], String)])
  func inputs(_ name: String, _ dtype: String, _ shape: [Int], _ message: String) throws {
    let folder = try TemporaryFolder()
    var arrays = ["video": npy("<f4", [1, 2, 16, 16, 3]), "boxes": npy("<f4", [1, 2, 10, 4])]
    if name == "video", shape.count == 5, shape[1] == 0 {
      arrays["boxes"] = npy("<f4", [1, 0, 10, 4])
    }
    arrays[name] = npy(dtype, shape)
    let path = try folder.write(
      "x.npz",
      storedZip(
        arrays.sorted { $0.key < $1.key }.map { ($0.key + ".npy", $0.value) }, withChecksums: true))
    let run = try runCommand(["run", flax, "--inputs", path] + tiny)
    #expect(run.status == 2)
    #expect(run.error.contains(message), "\(run.error)")
    #expect(run.error.contains("x.npz: "), "\(run.error)")
  }

  @Test("no objects leave the background slot alone")
  func backgroundOnly() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "x.npz",
      storedZip(
        [("video.npy", npy("<f4", [1, 1, 16, 16, 3])), ("boxes.npy", npy("<f4", [1, 1, 0, 4]))],
        withChecksums: true))
    let run = try runCommand(["run", flax, "--inputs", path] + tiny)
    #expect(run.status == 0, "\(run.error)")
    #expect(run.output.contains("(1, 1, 1, 16, 16, 1)"))
  }
}

@Suite("verify, by the real binary")
struct VerifyCommandTests {
  @Test("a right conversion exits 0, with --strict 1, for the module is the port's")
  func exitCodes() throws {
    let arguments = ["verify", flax, torch] + tiny + tinyInputs
    let run = try runCommand(arguments)
    #expect(run.status == 0, "\(run.error)")
    for line in [
      "The weights agree at every stage.", "These agree too: the conversion is right.",
      "- layer_norm_epsilon, from encoder.pos_emb.output_transform.layernorm_module on",
      "- transposed_convolution_padding, from decoder.backbone.cnn_layers.convtranspose_0 on",
      "fix: build the layer norms with eps=1e-6",
    ] {
      #expect(run.output.contains(line), "\(line)")
    }
    #expect(try runCommand(arguments + ["--strict"]).status == 1)
    let markdown = try runCommand(arguments + ["--markdown"])
    #expect(markdown.status == 0)
    #expect(markdown.output.contains("| enc_cnn | 0.0 | 0.0 | 0.0 | 1.0000000000 | agrees |"))
    let json = try JSONParser.parse(Array(try runCommand(arguments + ["--json"]).output.utf8))
    #expect(json["agrees"] == .bool(true))
    #expect(json["module"]?["agrees"] == .bool(false))
  }

  @Test("a tolerance of nothing, for all stages or for one")
  func tolerances() throws {
    let folder = try TemporaryFolder()
    let rounded = folder.file("rounded.pt")
    #expect(
      try runCommand(["convert", flax, "-o", rounded, "--dtype", "bfloat16"] + tiny).status == 0)
    let arguments = ["verify", flax, rounded] + tiny + tinyInputs
    let standard = try runCommand(arguments)
    #expect(standard.status == 1)
    #expect(standard.output.contains("is rounded to bfloat16"))
    #expect(try runCommand(arguments + ["--atol", "0.1"]).status == 0)
    let one = try runCommand(
      ["verify", flax, torch, "--tolerance", "flow=1e-3,1e-2", "--precision", "float64"] + tiny)
    #expect(one.status == 0)
    #expect(one.output.contains(", flow 0.001 + 0.01 * |b|"))
  }

  @Test("a wrong mapping is located, with its tensor")
  func wrongMapping() throws {
    let folder = try TemporaryFolder()
    let text = try fixtureText("models/savi-tiny.json")
    // The two norms have the same shapes: only what they compute tells that they are exchanged.
    let wrong = text.replacing(
      #""source": "TransformerBlock_0/LayerNorm_0/"#, with: #""source": "TransformerBlock_0/X/"#
    ).replacing(
      #""source": "TransformerBlock_0/LayerNorm_1/"#,
      with: #""source": "TransformerBlock_0/LayerNorm_0/"#
    ).replacing(
      #""source": "TransformerBlock_0/X/"#, with: #""source": "TransformerBlock_0/LayerNorm_1/"#)
    let mapping = try folder.write("wrong.json", Array(wrong.utf8))
    let output = folder.file("wrong.pt")
    #expect(try runCommand(["convert", flax, "--map", mapping, "-o", output]).status == 0)
    let run = try runCommand(["verify", flax, output] + tiny + tinyInputs)
    #expect(run.status == 1)
    #expect(run.output.contains("The models part at predicted, frame 0."))
    #expect(run.output.contains("First layer to part: predictor.layernorm_query (frame 0)"))
    #expect(run.output.contains("These differ as well."))
    #expect(!run.output.contains("the conversion is right"))
    #expect(
      run.output.contains(
        "predictor.layernorm_query.weight holds what belongs in predictor.layernorm_mlp.weight"),
      "\(run.output)")
  }

  @Test("a certificate is replayed; a changed target, and a changed source, are found")
  func certificate() throws {
    let folder = try TemporaryFolder()
    let (output, record) = (folder.file("tiny.pt"), folder.file("c.json"))
    let convert = try runCommand(
      ["convert", flax, "-o", output, "--certificate", record] + tiny)
    #expect(convert.status == 0, "\(convert.error)")
    let replay = try runCommand(["verify", "--certificate", record])
    #expect(replay.status == 0, "\(replay.output)\(replay.error)")
    #expect(replay.output.count { $0 == "\n" } == 6)
    #expect(!replay.output.contains("NOT"))
    // Another file of the same tensors will do; the recorded one, damaged, will not.
    let other = fixture("golden/tiny_perturbed_flax.msgpack")
    #expect(
      try runCommand(["verify", "--certificate", record, other, output, "--json"]).status == 0)
    // A format without checksums, so that only the certificate can tell.
    let unchecked = folder.file("tiny.safetensors")
    #expect(
      try runCommand(
        ["convert", flax, "-o", unchecked, "--certificate", folder.file("d.json")] + tiny
      ).status == 0)
    var safe = try fileBytes(unchecked)
    safe[safe.count - 4] ^= 1
    _ = try folder.write("tiny.safetensors", safe)
    let damaged = try runCommand(["verify", "--certificate", folder.file("d.json")])
    #expect(damaged.status == 1)
    #expect(damaged.output.contains("the target has the recorded hashes: DOES NOT HOLD"))
    #expect(damaged.output.contains("converting the source gives the target: holds"))
    #expect(damaged.output.contains("converting the target back gives the source: DOES NOT HOLD"))
  }

  @Test("a certificate never overwrites what the conversion reads or writes")
  func certificateElsewhere() throws {
    let folder = try TemporaryFolder()
    let source = try folder.write("in.npz", try fileBytes(flax))
    let output = folder.file("out.pt")
    for place in [source, output, folder.path + "/./out.pt"] {
      let run = try runCommand(
        ["convert", source, "-o", output, "--certificate", place, "--force"] + tiny)
      #expect(run.status == 64)
      #expect(run.error.contains("reads or writes itself"), "\(run.error)")
    }
    #expect(try folder.contents() == ["in.npz"])
    #expect(try fileBytes(source) == fileBytes(flax))
  }

  @Test("a certificate that was shortened, or whose hash of the whole was changed, does not hold")
  func changedCertificate() throws {
    let folder = try TemporaryFolder()
    let (output, record) = (folder.file("tiny.pt"), folder.file("c.json"))
    #expect(
      try runCommand(["convert", flax, "-o", output, "--certificate", record] + tiny).status == 0)
    let text = try String(contentsOfFile: record, encoding: .utf8)
    let root = try #require(text.firstMatch(of: /"root": "([0-9a-f]{64})"/)).1
    let zeros = String(repeating: "0", count: 64)
    // The last tensor's record, with the comma before it.
    let start = try #require(
      text.range(
        of: ",\n    {\n      \"name\": \"processor.predictor.layernorm_mlp.bias\"",
        options: .backwards))
    let end = try #require(text.range(of: "\n  ]", options: .backwards))
    let origin = String(text[start.lowerBound..<end.lowerBound])
    for changed in [text.replacing(root, with: zeros), text.replacing(origin, with: "")] {
      #expect(changed != text)
      let path = try folder.write("changed.json", Array(changed.utf8))
      let run = try runCommand(["verify", "--certificate", path])
      #expect(run.status == 1, "\(run.output)\(run.error)")
      #expect(run.output.contains("DOES NOT HOLD"))
    }
    // A cast that rounds nothing can be undone.
    let wide = folder.file("wide.pt")
    #expect(
      try runCommand(
        ["convert", flax, "-o", wide, "--dtype", "float64", "--certificate", folder.file("w.json")]
          + tiny
      ).status == 0)
    let replay = try runCommand(["verify", "--certificate", folder.file("w.json")])
    #expect(replay.output.contains("converting the target back gives the source: holds"))
  }

  @Test("a subtree of either file is verified")
  func keys() throws {
    let trainState = fixture("golden/tiny_perturbed_trainstate_flax.msgpack")
    let run = try runCommand(
      ["verify", trainState, torch, "--source-key", "optimizer/target"] + tiny)
    #expect(run.status == 0, "\(run.error)")
  }

  @Test("a certificate beside an existing one is refused before anything is written")
  func existingCertificate() throws {
    let folder = try TemporaryFolder()
    let record = try folder.write("c.json", [1])
    let run = try runCommand(
      ["convert", flax, "-o", folder.file("x.pt"), "--certificate", record] + tiny)
    #expect(run.status == 2)
    #expect(try folder.contents() == ["c.json"])
  }
}
