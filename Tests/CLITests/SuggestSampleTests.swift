import CheckpointCore
import TestSupport
import Testing

@Suite("map suggest on the samples")
struct SuggestSampleTests {
  /// Of the many numbers of a large tensor some occur twice by chance.
  @Test("heads that SAVi interleaves are found by value, though numbers repeat")
  func interleavedHeads() throws {
    let folder = try TemporaryFolder()
    let sample = fixture("../../samples/savi-small.flax.npz")
    let (converted, draft) = (folder.file("savi.pt"), folder.file("draft.json"))
    #expect(try runCommand(["convert", sample, "-o", converted]).status == 0)
    // The sample is not trained: which of two equal norms of a block is which stays open.
    #expect(try runCommand(["map", "suggest", sample, converted, "-o", draft, "-q"]).status == 1)
    guard case .array(let rules)? = try JSONParser.parse(try fileBytes(draft))["rules"] else {
      Issue.record("no rules")
      return
    }
    let rule = try #require(rules.first { $0["target"] == .string("predictor.w_qkv.weight") })
    #expect(rule["evidence"] == .string("values"))
    #expect(rule["layout"] == .string("attention.qkv.kernel"))
    #expect(rule["confirm"] == nil)
    for rule in rules where rule["confirm"] != nil {
      guard case .string(let target)? = rule["target"] else {
        Issue.record("\(rule)")
        continue
      }
      #expect(target.hasPrefix("predictor.layernorm_"))
    }
    // Biases that are zero like all others go with their kernels.
    for (target, layout) in [
      ("predictor.w_qkv.bias", "attention.qkv.bias"),
      ("corrector.gru.bias_hh", "gru.recurrent_bias"),
    ] {
      #expect(rules.first { $0["target"] == .string(target) }?["layout"] == .string(layout))
    }
  }
}
