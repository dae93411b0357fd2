import CheckpointCore
import CheckpointFormats
import CheckpointMapping
import SAVIModel
import TestSupport
import Testing

private let tolerances = Tolerances(common: Tolerances.standard)

private func verify(
  _ source: String, _ converted: String, _ document: ModelDocument? = nil, _ clip: Clip? = nil
) throws -> Verification {
  let document = try document ?? tinyDocument()
  return try Verification(
    source: try model(source, document), converted: try model(converted, document),
    try clip ?? tinyClip(), tolerances, precision: .float32, threads: 2)
}

private let flax = fixture("golden/tiny_perturbed_flax.npz")
private let torch = fixture("golden/tiny_perturbed_torch.npz")

@Suite("Verification: right conversions agree")
struct AgreementTests {
  @Test("the recorded conversion, in either direction and beside itself")
  func right() throws {
    for (a, b) in [(flax, torch), (torch, flax), (torch, torch), (flax, flax)] {
      let verification = try verify(a, b)
      #expect(verification.weightsAgree)
      #expect(verification.weights.count == 10)
      #expect(verification.hidden.count == 4)
      #expect(verification.parting == nil)
      #expect((verification.module == nil) == (a == flax && b == flax))
    }
  }

  @Test("the port's differences have the figures of the recordings, and their causes")
  func module() throws {
    let module = try #require(try verify(flax, torch).module)
    #expect(!module.agrees)
    let seed = try recorded("golden/tiny_perturbed_expected_seed_f64.npz")
    let original = try recorded("golden/tiny_perturbed_expected_flax_f64.npz")
    for comparison in module.stages where comparison.stage != .segmentations {
      let (a, b) = try (
        #require(seed.first { $0.name == comparison.stage }),
        #require(original.first { $0.name == comparison.stage })
      )
      let figure = zip(a.doubles, b.doubles).map { abs($0 - $1) }.max() ?? 0
      #expect(abs(comparison.maximum - figure) < 1e-5, "\(comparison.stage)")
    }
    let diagnosis = try #require(module.diagnosis)
    #expect(diagnosis.unexplained == nil)
    #expect(
      diagnosis.causes.map(\.convention) == [.layerNormEpsilon, .transposedConvolutionPadding])
    #expect(
      diagnosis.causes.map(\.parting.layer.path) == [
        "encoder.pos_emb.output_transform.layernorm_module",
        "decoder.backbone.cnn_layers.convtranspose_0",
      ])
    let padding = diagnosis.causes[1]
    #expect(padding.fix.contains("padding=1") && padding.fix.contains("x[..., :-1, :-1]"))
    // Alone it leaves the encoder untouched and moves the decoder.
    #expect(padding.effects.first { $0.stage == .corrected }?.maximum == 0)
    let flow = try #require(padding.effects.first { $0.stage == .flow })
    #expect(flow.relative > 0.1)
  }

  @Test("a strided convolution's padding is the first of three causes in SAVi-M")
  func strided() throws {
    let document = try ModelDocument(
      json: try fileBytes(fixture("models/savi-tiny-medium.json")))
    let folder = try TemporaryFolder()
    let source = try TamperedCheckpoint(noiseFor: document).write(folder, "flax.npz")
    let checkpoint = try Checkpoint(path: source)
    let plan = try ModelMatcher.planEitherWay(checkpoint.entries, models: [document])
    let converted = folder.file("torch.pt")
    let writer = try CheckpointWriters.writer(for: .torch)
    try CheckpointWriters.write(
      plan.outputs(from: checkpoint.reader), to: converted,
      as: #require(writer), overwrite: false,
      work: WorkLimits(threads: 1, memory: 1 << 20))
    let clip = try Clip.synthetic(frames: 2, height: 32, width: 32)
    let verification = try verify(source, converted, document, clip)
    #expect(verification.weightsAgree)
    let diagnosis = try #require(verification.module?.diagnosis)
    #expect(diagnosis.unexplained == nil)
    #expect(
      diagnosis.causes.map(\.convention) == [
        .stridedConvolutionPadding, .layerNormEpsilon, .transposedConvolutionPadding,
      ])
    let first = diagnosis.causes[0]
    #expect(first.parting.layer.path == "encoder.backbone.cnn_layers.conv_0")
    #expect(first.fix.contains("F.pad(x, (1, 2, 1, 2))"))
    let features = try #require(first.effects.first { $0.stage == .encCNN })
    #expect(features.relative > 0.1)
  }

  @Test("a recording of a real framework takes the place of the source")
  func recording() throws {
    for (name, conventions) in [("flax", Conventions.flax), ("seed", .port)] {
      let verification = try Verification(
        recording: try recorded("golden/tiny_perturbed_expected_\(name).npz"),
        try tinyModel("torch.pt"), conventions: conventions, try tinyClip(), tolerances,
        precision: .float32, threads: 2)
      #expect(verification.weightsAgree)
      #expect((verification.module == nil) == (name == "seed"))
    }
    let wrong = try Verification(
      recording: try recorded("golden/tiny_perturbed_expected_seed.npz"), try tinyModel("torch.pt"),
      conventions: .flax, try tinyClip(), tolerances, precision: .float32, threads: 2)
    #expect(!wrong.weightsAgree)
    let diagnosis = try #require(wrong.recording)
    #expect(
      diagnosis.causes.map(\.convention) == [
        .layerNormEpsilon, .transposedConvolutionPadding,
      ])
    #expect(diagnosis.causes.map(\.stage) == [.encPos, .alphaLogits])
    #expect(diagnosis.unexplained == nil)
  }
}

@Suite("Verification: wrong conversions are caught, and located")
struct WrongConversionTests {
  /// A mistake, the layer it must be located at, and what must be said of a tensor of it.
  struct Mistake: Sendable, CustomStringConvertible {
    let description: String
    let layer: String
    let tensor: TensorName
    let finding: String
    let make: @Sendable (inout TamperedCheckpoint) -> Void

    init(
      _ description: String, _ layer: String, _ tensor: TensorName, _ finding: String,
      make: @escaping @Sendable (inout TamperedCheckpoint) -> Void
    ) {
      self.description = description
      self.layer = layer
      self.tensor = tensor
      self.finding = finding
      self.make = make
    }
  }

  static let mistakes = [
    Mistake(
      "swapped norms", "predictor.layernorm_query", "predictor.layernorm_query.weight",
      "holds what belongs in predictor.layernorm_mlp.weight"
    ) {
      for part in ["weight", "bias"] {
        $0.swap("predictor.layernorm_query.\(part)", "predictor.layernorm_mlp.\(part)")
      }
    },
    Mistake(
      "concatenated qkv", "predictor.w_qkv (query)", "predictor.w_qkv.weight",
      "has all queries, all keys, then all values, instead of these three per head"
    ) {
      for part in ["weight", "bias"] {
        // 2 heads of width 4: row s·8 + h·4 + j holds what belongs in row h·12 + s·4 + j.
        $0.rearrange("predictor.w_qkv.\(part)") { index in
          let (s, h, j) = (index[0] / 8, index[0] / 4 % 2, index[0] % 4)
          return [h * 12 + s * 4 + j] + index.dropFirst()
        }
      }
    },
    Mistake(
      "unflipped kernels", "decoder.backbone.cnn_layers.convtranspose_0",
      "decoder.backbone.cnn_layers.convtranspose_0.weight",
      "has its kernel turned by half a turn (both spatial axes flipped)"
    ) {
      for n in 0..<3 {
        $0.rearrange("decoder.backbone.cnn_layers.convtranspose_\(n).weight") {
          [$0[0], $0[1], 4 - $0[2], 4 - $0[3]]
        }
      }
    },
    Mistake(
      "swapped gates", "corrector.gru (reset gate)", "corrector.gru.weight_ih",
      "has its gates in the order update, reset, candidate instead of reset, update, candidate"
    ) {
      for name in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] {
        $0.rearrange("corrector.gru.\(name)") { [[8, -8, 0][$0[0] / 8] + $0[0]] + $0.dropFirst() }
      }
    },
    Mistake(
      "the hn bias in bias_ih", "corrector.gru (candidate, input part)", "corrector.gru.bias_ih",
      "holds a part of what belongs in corrector.gru.bias_hh, or lacks it"
    ) {
      for index in 16..<24 {
        $0.tensors["corrector.gru.bias_ih"]!.values[index] +=
          $0.tensors["corrector.gru.bias_hh"]!.values[index]
        $0.tensors["corrector.gru.bias_hh"]!.values[index] = 0
      }
    },
    Mistake(
      "a transposed square matrix", "predictor.w_o", "predictor.w_o.weight", "is transposed"
    ) { $0.rearrange("predictor.w_o.weight") { [$0[1], $0[0]] } },
    Mistake(
      "another transposed square matrix", "corrector.w_q", "corrector.w_q", "is transposed"
    ) { $0.rearrange("corrector.w_q") { [$0[0], $0[2], $0[1]] } },
    Mistake(
      "gate matrices not transposed", "corrector.gru (reset gate)", "corrector.gru.weight_hh",
      "has each gate's matrix transposed"
    ) { $0.rearrange("corrector.gru.weight_hh") { [$0[0] / 8 * 8 + $0[1], $0[0] % 8] } },
    Mistake(
      "the decoder's conv_3 flipped", "decoder.backbone.cnn_layers.conv_3",
      "decoder.backbone.cnn_layers.conv_3.weight",
      "has its kernel turned by half a turn (both spatial axes flipped)"
    ) {
      $0.rearrange("decoder.backbone.cnn_layers.conv_3.weight") {
        [$0[0], $0[1], 4 - $0[2], 4 - $0[3]]
      }
    },
    Mistake(
      "spatial axes transposed", "encoder.backbone.cnn_layers.conv_1",
      "encoder.backbone.cnn_layers.conv_1.weight", "has its spatial axes transposed"
    ) {
      $0.rearrange("encoder.backbone.cnn_layers.conv_1.weight") { [$0[0], $0[1], $0[3], $0[2]] }
    },
    Mistake(
      "an output matrix rounded", "initializer.embedding_transform.model.dense_mlp_1",
      "initializer.embedding_transform.model.dense_mlp_1.weight", "is rounded to bfloat16"
    ) { checkpoint in
      let name: TensorName = "initializer.embedding_transform.model.dense_mlp_1.weight"
      checkpoint.tensors[name]!.values = checkpoint.tensors[name]!.values.map {
        Float(bitPattern: $0.bitPattern & 0xFFFF_0000)
      }
    },
  ]

  @Test(arguments: mistakes)
  func located(_ mistake: Mistake) throws {
    let folder = try TemporaryFolder()
    var checkpoint = try TamperedCheckpoint(torch)
    mistake.make(&checkpoint)
    let verification = try verify(flax, try checkpoint.write(folder, "wrong.npz"))
    #expect(!verification.weightsAgree)
    #expect(verification.parting?.layer.description == mistake.layer)
    let suspect = try #require(
      verification.suspects.first { $0.tensor == mistake.tensor },
      "\(verification.suspects.map(\.tensor))")
    #expect(suspect.finding == mistake.finding)
  }

  @Test("a mistake that grows over time is located where it began")
  func slow() throws {
    let folder = try TemporaryFolder()
    var checkpoint = try TamperedCheckpoint(torch)
    // Too small for the tolerance on the first frame.
    for column in 0..<8 {
      checkpoint.tensors["corrector.gru.weight_hh"]!.values[8 + column] *= 1.003
    }
    let verification = try Verification(
      source: try model(flax, try tinyDocument()),
      converted: try model(try checkpoint.write(folder, "wrong.npz"), try tinyDocument()),
      try Clip.synthetic(frames: 8, height: 16, width: 16),
      Tolerances(common: Tolerance(absolute: 6e-5, relative: 0)), precision: .float64, threads: 2)
    #expect(verification.firstPlace.map { $0.frame > 0 } == true)
    #expect(verification.parting?.frame == 0)
    #expect(verification.parting?.layer.description == "corrector.gru (reset gate)")
    #expect(verification.suspects.map(\.tensor) == ["corrector.gru.weight_hh"])
  }

  @Test("what the clip does not exercise is compared all the same")
  func unexercised() throws {
    let folder = try TemporaryFolder()
    var checkpoint = try TamperedCheckpoint(torch)
    checkpoint.rearrange("corrector.w_q") { [$0[0], $0[2], $0[1]] }
    checkpoint.tensors["predictor.mlp.model.dense_mlp_0.bias"]!.values[3] = -50
    let path = try checkpoint.write(folder, "wrong.npz")
    // Black frames without objects leave the attention nothing to tell slots by.
    let clip = try Clip(
      video: [Float](repeating: 0, count: 16 * 16 * 3),
      shape: try #require(Shape([1, 1, 16, 16, 3])),
      boxes: [], boxesShape: try #require(Shape([1, 1, 0, 4])))
    let verification = try verify(flax, path, nil, clip)
    #expect(!verification.weightsAgree)
    #expect(
      verification.tensors?.differences.map(\.tensor) == [
        "corrector.w_q", "predictor.mlp.model.dense_mlp_0.bias",
      ])
  }

  @Test("a wrong position embedding is named, and the module is not blamed for wrong weights")
  func positionEmbedding() throws {
    let folder = try TemporaryFolder()
    var checkpoint = try TamperedCheckpoint(torch)
    checkpoint.rearrange("encoder.pos_emb.pos_embedding") { [$0[0], $0[2], $0[1], $0[3]] }
    let verification = try verify(flax, try checkpoint.write(folder, "wrong.npz"))
    #expect(verification.parting?.layer.description == "encoder.pos_emb.project_add_dense")
    #expect(verification.suspects.map(\.tensor) == ["encoder.pos_emb.pos_embedding"])
    let module = try #require(verification.module)
    #expect(module.isBesideItself)
    // The encoder's convolutions are the same; only the port's own differences are left.
    #expect(module.stages.first?.stage == .encCNN)
    #expect(module.stages.first?.agrees == true)
    #expect(module.diagnosis?.unexplained == nil)
  }

  @Test("the stage named first is the one computed first")
  func firstStage() throws {
    let folder = try TemporaryFolder()
    var checkpoint = try TamperedCheckpoint(torch)
    checkpoint.rearrange("predictor.w_o.weight") { [$0[1], $0[0]] }
    let verification = try verify(flax, try checkpoint.write(folder, "wrong.npz"))
    // attn comes earlier in the list, but parts on the second frame only.
    #expect(verification.firstPlace?.stage == .predicted)
    #expect(verification.firstPlace?.frame == 0)
  }

  /// What a forward pass cannot see.
  @Test(
    arguments: [
      ("corrector.layernorm_q.bias", 3, HiddenParameter.slotNormBias),
      ("predictor.w_qkv.bias", 5, .keyBias("predictor")),
      ("decoder.mask_pred.bias", 0, .maskBias),
    ])
  func hidden(_ tensor: TensorName, _ element: Int, _ parameter: HiddenParameter) throws {
    let folder = try TemporaryFolder()
    var checkpoint = try TamperedCheckpoint(torch)
    checkpoint.tensors[tensor]!.values[element] += 0.5
    let verification = try verify(flax, try checkpoint.write(folder, "wrong.npz"))
    #expect(!verification.weightsAgree)
    #expect(verification.hidden.filter { !$0.agrees }.map(\.parameter) == [parameter])
    let parted = verification.weights.filter { !$0.agrees }.map(\.stage)
    #expect(parted == (parameter == .maskBias ? [.alphaLogits] : []))
  }

  @Test("the split of the gates' biases")
  func split() throws {
    let folder = try TemporaryFolder()
    var checkpoint = try TamperedCheckpoint(torch)
    for index in 0..<16 {
      checkpoint.tensors["corrector.gru.bias_hh"]!.values[index] += 0.25
      checkpoint.tensors["corrector.gru.bias_ih"]!.values[index] -= 0.25
    }
    let verification = try verify(flax, try checkpoint.write(folder, "wrong.npz"))
    #expect(verification.weights.allSatisfy { $0.agrees })
    #expect(!verification.weightsAgree)
    #expect(verification.hidden.filter { !$0.agrees }.map(\.parameter) == [.gateBiasSplit])
  }

  @Test("NaN is a difference, not an agreement")
  func notANumber() throws {
    let folder = try TemporaryFolder()
    var checkpoint = try TamperedCheckpoint(torch)
    checkpoint.tensors["decoder.target_readout.readout_modules.0.bias"]!.values[0] = .nan
    let verification = try verify(flax, try checkpoint.write(folder, "wrong.npz"))
    #expect(verification.weights.filter { !$0.agrees }.map(\.stage) == [.flow])
    #expect(verification.parting?.layer.path == "decoder.target_readout.readout_modules.0")
  }
}
