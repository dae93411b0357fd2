import CheckpointCore
import CheckpointFormats
import CheckpointMapping
import SAVIModel
import TestSupport
import Testing

@Suite("The forward pass, against recordings of the real models")
struct GoldenTests {
  /// The recordings are of the Flax model and of the published PyTorch module, tiny: 2 frames of
  /// 16 × 16 pixels, 11 slots.
  struct Run: Sendable, CustomStringConvertible {
    let file: String
    let conventions: Conventions
    let recording: String
    var description: String { "\(file), recorded \(recording)" }
  }

  static let runs = [
    Run(file: "flax.npz", conventions: .flax, recording: "flax"),
    Run(file: "torch.pt", conventions: .flax, recording: "flax"),
    Run(file: "torch.pt", conventions: .port, recording: "seed"),
  ]

  @Test("every stage in float32 and in float64", arguments: runs)
  func stages(_ run: Run) throws {
    let names: [StageName] = [
      .encCNN, .encPos, .initSlots, .attn, .corrected, .predicted, .alphaLogits, .alphas, .flow,
      .segmentations,
    ]
    for (precision, suffix, tolerance) in [
      (ReferenceModel.Precision.float32, "", 1e-5), (.float64, "_f64", 1e-9),
    ] {
      let recording = "golden/tiny_perturbed_expected_\(run.recording)"
      let expected = try recorded("\(recording)\(suffix).npz")
      let margin = try doubles("\(recording).npz", "seg_margin")
      let found = try tinyModel(run.file).run(
        try tinyClip(), conventions: run.conventions, precision: precision, threads: 2)
      #expect(found.map(\.name) == names)
      for stage in found {
        let other = try #require(expected.first { $0.name == stage.name })
        #expect(stage.shape == other.shape, "\(stage.name)")
        let pairs = zip(stage.doubles, other.doubles)
        if stage.name == .segmentations {
          let wrong = zip(pairs, margin).count { $0.0 != $0.1 && $1 >= 1e-5 }
          #expect(wrong == 0)
        } else {
          let largest = pairs.map { abs($0 - $1) }.max() ?? 1
          #expect(largest <= tolerance, "\(stage.name) in \(precision): \(largest)")
        }
      }
    }
  }

  @Test("only the stages asked for are returned, and threads change nothing")
  func subset() throws {
    let model = try tinyModel("torch.pt")
    let all = try model.run(try tinyClip(), conventions: .port, threads: 1)
    let some = try model.run(
      try tinyClip(), conventions: .port, stages: [.corrected, .flow], threads: 3)
    #expect(some.map(\.name) == [.corrected, .flow])
    for stage in some {
      #expect(all.first { $0.name == stage.name }?.doubles == stage.doubles)
    }
  }

  @Test("a label counts as right only where its own logit is among the best")
  func ties() throws {
    let logits: [Double] = [1, 1, 1 - 5e-6, 0, -3, 1]  // three slots of two pixels
    func stage(_ name: StageName, _ shape: [Int], _ elements: Stage.Elements) -> Stage {
      Stage(name: name, shape: shape, elements: elements)
    }
    let reference = [
      stage(.alphaLogits, [1, 1, 3, 1, 2, 1], .float64(logits)),
      stage(.segmentations, [1, 1, 1, 2, 1], .int32([0, 0])),
    ]
    for (labels, agrees) in [([0, 0], true), ([1, 2], true), ([2, 0], false), ([0, 1], false)] {
      let found = [stage(.segmentations, [1, 1, 1, 2, 1], .int32(labels.map(Int32.init)))]
      let comparison = try StageComparison.compare(
        found, reference: reference, Tolerances(common: Tolerances.standard))
      #expect(comparison.map(\.agrees) == [agrees], "\(labels)")
    }
  }

  @Test("a batch is its clips one by one, and slots follow the boxes")
  func batch() throws {
    let model = try tinyModel("flax.npz")
    let single = try Clip.synthetic(frames: 3, height: 16, width: 16)
    let values = (0..<3).flatMap { single.pixels(0, $0) }
    let boxes = (0..<2 * 3 * 4 * 4).map { Float($0 % 7) / 7 }
    let two = try Clip(
      video: values + values.reversed(), shape: try #require(Shape([2, 3, 16, 16, 3])),
      boxes: boxes, boxesShape: try #require(Shape([2, 3, 4, 4])))
    let both = try model.run(two, conventions: .flax, threads: 2)
    let corrected = try #require(both.first { $0.name == .corrected })
    #expect(corrected.shape == [2, 3, 5, 8])
    let second = try Clip(
      video: values.reversed(), shape: try #require(Shape([1, 3, 16, 16, 3])),
      boxes: Array(boxes[48...]), boxesShape: try #require(Shape([1, 3, 4, 4])))
    let alone = try model.run(second, conventions: .flax, threads: 2)
    for (stage, other) in zip(both, alone) {
      #expect(Array(stage.doubles.suffix(other.doubles.count)) == other.doubles, "\(stage.name)")
    }
  }
}
