import SAVIModel
import TestSupport
import Testing

@Suite("Conventions of SAVi++, each alone")
struct ResidualConventionTests {
  /// The stage at which each is first seen.
  static let firstStages: [(Convention, StageName)] = [
    (.groupNormEpsilon, .encStem), (.stemActivation, .encStem),
    (.stridedConvolutionPadding, .encStage(2)),
    // Before the fourth stage the recorded model has one channel in each group.
    (.groupAssignment, .encStage(4)), (.layerNormEpsilon, .encPos),
    (.flatteningOrder, .encDense), (.encoderActivation, .encBlock(0)),
    (.encoderNormOrder, .encBlock(0)), (.attentionScale, .encBlock(0)),
    (.slotAttentionScale, .attn), (.predictorNormOrder, .predicted),
    (.transposedConvolutionPadding, .alphaLogits),
  ]

  @Test("moves the stage of its layer first, and every convention is among them")
  func stages() throws {
    #expect(Set(Self.firstStages.map(\.0)) == Set(Convention.allCases))
    let folder = try TemporaryFolder()
    let document = try ResidualModel.plusPlus.document()
    let model = try model(
      try folder.converted(ResidualModel.plusPlus.flaxFile, document), document)
    // One frame: a later one would show in earlier stages what the predictor does.
    let clip = try Clip.synthetic(frames: 1, height: 32, width: 32)
    func run(_ conventions: Conventions, _ stages: [StageName]) throws -> [Stage] {
      try model.run(
        clip, conventions: conventions, precision: .float64, stages: Set(stages), threads: 2)
    }
    let exact = try run(.flax, model.architecture.stages)
    for (convention, first) in Self.firstStages {
      let upTo = model.architecture.stages.filter { $0 <= first }
      let found = try run(
        Conventions(flax: Conventions.flax.flax.subtracting([convention])), upTo)
      let moved = zip(found, exact).filter { stage, other in
        zip(stage.doubles, other.doubles).contains { abs($0 - $1) > 1e-9 }
      }
      #expect(moved.map(\.0.name) == [first], "\(convention)")
    }
  }

  @Test("the fixes are those of this model")
  func fixes() throws {
    let folder = try TemporaryFolder()
    let document = try ResidualModel.large.document()
    let flax = ResidualModel.large.flaxFile
    let verification = try Verification(
      source: try model(flax, document),
      converted: try model(try folder.converted(flax, document), document),
      try ResidualModel.large.clip(), Tolerances(common: Tolerances.standard),
      precision: .float32, threads: 2)
    #expect(verification.weightsAgree)
    let diagnosis = try #require(verification.module?.diagnosis)
    #expect(diagnosis.unexplained == nil)
    let fixes = Dictionary(
      uniqueKeysWithValues: diagnosis.causes.map { ($0.convention, $0.fix) })
    #expect(
      Set(fixes.keys) == [
        .groupNormEpsilon, .stemActivation, .stridedConvolutionPadding, .layerNormEpsilon,
        .transposedConvolutionPadding,
      ])
    #expect(fixes[.stridedConvolutionPadding]?.contains("F.pad(x, (0, 1, 0, 1))") == true)
  }
}
