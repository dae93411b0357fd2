import CheckpointCore
import CheckpointFormats
import CheckpointMapping
import TestSupport
import Testing

@Suite("Conversions")
struct ConversionTests {
  private func tiny() throws -> ModelDocument {
    try ModelDocument(json: try fileBytes(fixture("models/savi-tiny.json")))
  }

  private func collect(_ output: OutputTensor) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try output.produce { _, chunk in for index in chunk.indices { bytes.append(chunk[index]) } }
    return bytes
  }

  /// Every tensor of `outputs` equals the one of the same name in `file`, bit for bit.
  private func expectEqual(_ outputs: [OutputTensor], _ file: String) throws {
    let recorded = try Checkpoint(path: fixture(file))
    let own = outputs.filter { $0.aliasOf == nil }
    #expect(Set(own.map(\.name)) == Set(recorded.tensors.map(\.name)))
    for output in own {
      let tensor = try #require(recorded.tensors.first { $0.name == output.name })
      #expect(output.shape == tensor.shape)
      #expect(try collect(output) == recorded.reader.read(tensor), "\(output.name)")
    }
  }

  @Test("the Flax parameters become the exactly converted state dict")
  func forward() throws {
    let checkpoint = try Checkpoint(path: fixture("golden/tiny_perturbed_flax.npz"))
    let plan = try ModelMatcher.plan(
      checkpoint.entries, models: [try tiny()], direction: .forward)
    #expect(plan.steps.count == 82)
    #expect(plan.steps.count { $0.aliasOf != nil } == 23)
    try expectEqual(plan.outputs(from: checkpoint.reader), "golden/tiny_perturbed_torch.npz")
  }

  @Test(
    "the state dict becomes the Flax parameters, with aliases or without",
    arguments: ["golden/tiny_perturbed_torch.pt", "golden/tiny_perturbed_torch.npz"])
  func reverse(_ file: String) throws {
    let checkpoint = try Checkpoint(path: fixture(file))
    let plan = try ModelMatcher.plan(
      checkpoint.entries, models: [try tiny()], direction: .reverse)
    try plan.checkEqualPairs(in: checkpoint.reader)
    try expectEqual(plan.outputs(from: checkpoint.reader), "golden/tiny_perturbed_flax.npz")
  }

  /// A Flax array of shape (4, 3) that was split into chunks of 5, 5 and 2 elements: none ends
  /// with a row.
  @Test("a split array whose chunks end within a row is transposed whole")
  func chunksWithinRows() throws {
    let checkpoint = try Checkpoint(path: fixture("flax/chunked_4x3.msgpack"))
    let model = try ModelDocument(json: try fileBytes(fixture("models/chunked_4x3.json")))
    let plan = try ModelMatcher.plan(
      checkpoint.entries, models: [model], direction: .forward)
    let bytes = try collect(try #require(plan.outputs(from: checkpoint.reader).first))
    let right: [Float] = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]
    #expect(bytes == right.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
  }

  private func entries(_ transform: (TensorName) -> TensorName?) throws -> [CheckpointEntry] {
    let checkpoint = try Checkpoint(path: fixture("golden/tiny_perturbed_flax.npz"))
    return checkpoint.entries.compactMap { entry in
      transform(entry.name).map { entry.renamed($0) }
    }
  }

  private func plan(_ entries: [CheckpointEntry]) throws -> ConversionPlan {
    try ModelMatcher.plan(entries, models: [try tiny()], direction: .forward)
  }

  @Test(
    "the parameters are found wherever a file puts them",
    arguments: ["params", "optimizer/target", "a.b"])
  func roots(_ root: TensorName) throws {
    let separator = root == "a.b" ? "." : "/"
    let step = CheckpointEntry.tensor(TensorInfo(name: "step", dtype: .int32, shape: .scalar))
    let found = try plan(try entries { "\(root)\(separator)\($0)" } + [step])
    #expect(found.root == root)
    #expect(found.leftOut.map(\.name) == ["step"])
  }

  @Test("parameters that occur twice are ambiguous")
  func ambiguity() throws {
    let twice = try entries { "params/\($0)" } + entries { "ema/\($0)" }
    #expect {
      try plan(twice)
    } throws: {
      "\($0)".contains("the parameters occur more than once: at ema, params")
    }
  }

  @Test("two models that fit are ambiguous")
  func ambiguousModel() throws {
    let text = try fixtureText("models/savi-tiny.json")
    let twin = try ModelDocument(json: Array(text.replacing("savi-tiny", with: "twin").utf8))
    let checkpoint = try Checkpoint(path: fixture("golden/tiny_perturbed_flax.npz"))
    #expect {
      try ModelMatcher.plan(
        checkpoint.entries, models: [try tiny(), twin], direction: .forward)
    } throws: {
      "\($0)" == "several models fit: savi-tiny, twin; choose one with --map NAME"
    }
  }

  @Test("every problem of one kind is reported at once, with near names")
  func mismatches() throws {
    let broken = try entries { name in
      if name.text.hasSuffix("hn/bias") { return nil }
      return TensorName(
        name.text.replacing("alpha_logits/kernel", with: "alpha_logit/kernel"))
    }
    #expect {
      try plan(broken)
    } throws: { error in
      let text = "\(error)"
      return text.contains("2 missing") && text.contains("GRUCell_0/hn/bias")
        && text.contains("did you mean SpatialBroadcastDecoder_0/alpha_logit/kernel?")
        && text.contains("1 in no rule")
    }
    let extra =
      try entries { $0 }
      + [.tensor(TensorInfo(name: "FrameEncoder_0/extra", dtype: .float32, shape: .scalar))]
    #expect {
      try plan(extra)
    } throws: {
      "\($0)".contains("1 in no rule (FrameEncoder_0/extra)")
    }
  }

  @Test("sources of one tensor must have one dtype, and unreadable data blocks a conversion")
  func otherProblems() throws {
    let name: TensorName = "SlotAttention_0/GRU_0/GRUCell_0/iz/kernel"
    let shape = try #require(Shape([8, 8]))
    let mixed = try entries { $0 }.map { entry in
      entry.name == name
        ? .tensor(TensorInfo(name: name, dtype: .float16, shape: shape)) : entry
    }
    #expect {
      try plan(mixed)
    } throws: {
      "\($0)".contains("different dtypes")
    }
    let blocked =
      try entries { $0 }
      + [.placeholder(Placeholder(name: "odd", kind: .data, reason: "an object array"))]
    #expect {
      try plan(blocked)
    } throws: {
      "\($0)".contains("odd, an object array")
    }
  }

  @Test("a file of the other side is recognised")
  func otherDirection() throws {
    let checkpoint = try Checkpoint(path: fixture("golden/tiny_perturbed_torch.pt"))
    #expect {
      try plan(checkpoint.entries)
    } throws: {
      "\($0)".contains("these are PyTorch parameters already") && "\($0)".contains("--reverse")
    }
  }

  @Test("mappings without a module tree, with drops and constants")
  func rulesAlone() throws {
    let text = """
      {"schema_version": 1, "name": "m", "title": "t", "rules": [
        {"target": "l_{n}.weight", "source": "D_{n}/kernel", "role": "dense.kernel", "range": {"n": [0, 1]}},
        {"constant": "scale", "shape": [2], "dtype": "float32", "value": 1},
        {"alias": "m", "of": "l_0"},
        {"drop": "opt"}
      ]}
      """
    let model = try ModelDocument(json: Array(text.utf8))
    let shape = try #require(Shape([2, 3]))
    let entries = ["D_0/kernel", "D_1/kernel", "opt/mu", "opt/nu"].map {
      CheckpointEntry.tensor(TensorInfo(name: $0, dtype: .float32, shape: shape))
    }
    let plan = try ModelMatcher.plan(entries, models: [model], direction: .forward)
    #expect(
      plan.steps.map { "\($0.name) \($0.shape) \($0.aliasOf ?? "-")" } == [
        "l_0.weight (3, 2) -", "l_1.weight (3, 2) -", "scale (2,) -", "m.weight (3, 2) l_0.weight",
      ])
    #expect {
      try ModelMatcher.plan(entries, models: [model], direction: .reverse)
    } throws: {
      "\($0)".contains("these are Flax parameters already")
    }
    // The way back has the dropped tensors from a template alone.
    let made = plan.steps.map {
      CheckpointEntry.tensor(TensorInfo(name: $0.name, dtype: $0.dtype, shape: $0.shape))
    }
    #expect {
      try ModelMatcher.plan(made, models: [model], direction: .reverse)
    } throws: {
      "\($0)".contains("rule 4 drops opt: give a file that has it with --template")
    }
    let template = ["params/opt/mu", "params/opt/nu"].map {
      TensorInfo(name: $0, dtype: .float32, shape: shape)
    }
    let back = try ModelMatcher.plan(
      made, models: [model], direction: .reverse, template: template)
    #expect(back.steps.map(\.name.text) == ["D_0/kernel", "D_1/kernel", "opt/mu", "opt/nu"])
  }
}
