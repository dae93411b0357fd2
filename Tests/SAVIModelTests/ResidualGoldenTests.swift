import CheckpointCore
import CheckpointFormats
import CheckpointMapping
import SAVIModel
import TestSupport
import Testing

@Suite("SAVi-L and SAVi++, against recordings of the real models")
struct ResidualGoldenTests {
  @Test(
    "every stage, from either framework's parameters, in float32 and in float64",
    arguments: ResidualModel.allCases)
  func stages(_ recording: ResidualModel) throws {
    let folder = try TemporaryFolder()
    let document = try recording.document()
    let converted = try folder.converted(recording.flaxFile, document)
    let (expected, margin) = (try recording.stages(), try recording.margin())
    for file in [recording.flaxFile, converted] {
      let model = try model(file, document)
      for (precision, tolerance) in [(ReferenceModel.Precision.float64, 1e-11), (.float32, 2e-5)] {
        let found = try model.run(
          try recording.clip(), conventions: .flax, precision: precision, threads: 2)
        #expect(found.map(\.name) == model.architecture.stages)
        for other in expected {
          let stage = try #require(found.first { $0.name == other.name })
          #expect(stage.shape == other.shape, "\(stage.name)")
          let pairs = zip(stage.doubles, other.doubles)
          if stage.name == .segmentations {
            #expect(zip(pairs, margin).count { $0.0 != $0.1 && $1 >= 1e-5 } == 0)
          } else {
            let scale = precision == .float64 ? 1 : other.doubles.map(abs).max() ?? 1
            let largest = pairs.map { abs($0 - $1) }.max() ?? 1
            #expect(largest <= tolerance * scale, "\(stage.name) in \(precision): \(largest)")
          }
        }
      }
    }
  }

  @Test("the stages that one model has and the other has not")
  func names() throws {
    let (large, plusPlus) = (
      try SAViArchitecture(try ResidualModel.large.document()),
      try SAViArchitecture(try ResidualModel.plusPlus.document())
    )
    #expect(
      large.stages.map(\.rawValue) == [
        "enc_stem", "enc_stage1", "enc_stage2", "enc_stage3", "enc_stage4", "enc_cnn", "enc_pos",
        "encoded", "init_slots", "attn", "corrected", "predicted", "alpha_logits", "alphas",
        "flow_slots", "flow_masked", "flow", "segmentations",
      ])
    #expect(
      Set(plusPlus.stages).subtracting(large.stages).map(\.rawValue).sorted() == [
        "dec_fused", "depth", "enc_block0", "enc_block1", "enc_block2", "enc_block3", "enc_dense",
      ])
    #expect(plusPlus.stages == plusPlus.stages.sorted())
  }

  @Test("other depths of stages and another number of blocks need another document, no more")
  func otherSizes() throws {
    let folder = try TemporaryFolder()
    let document = try ResidualModel.plusPlus.document([
      "blocks_1": 1, "blocks_2": 2, "blocks_3": 1, "blocks_4": 3, "encoder_blocks": 2, "groups": 4,
    ])
    let file = try TamperedCheckpoint(noiseFor: document).write(folder, "flax.npz")
    let models = try [file, try folder.converted(file, document)].map { try model($0, document) }
    let runs = try models.map {
      try $0.run(
        try ResidualModel.plusPlus.clip(), conventions: .flax, precision: .float64, threads: 2)
    }
    #expect(runs[0].contains { $0.name == .encBlock(1) })
    #expect(!runs[0].contains { $0.name == .encBlock(2) })
    for (a, b) in zip(runs[0], runs[1]) {
      #expect((zip(a.doubles, b.doubles).map { abs($0 - $1) }.max() ?? 1) < 1e-11, "\(a.name)")
    }
  }
}

extension TemporaryFolder {
  /// The checkpoint in PyTorch's names and layouts.
  func converted(_ path: String, _ document: ModelDocument) throws -> String {
    let checkpoint = try Checkpoint(path: path)
    let plan = try ModelMatcher.plan(checkpoint.entries, models: [document], direction: .forward)
    let target = file("torch.pt")
    try CheckpointWriters.write(
      plan.outputs(from: checkpoint.reader), to: target,
      as: try CheckpointWriters.writer(for: .torch)!, overwrite: true,
      work: WorkLimits(threads: 1, memory: 1 << 24))
    return target
  }
}
