import CheckpointCore
import DamageCorpus
import TestSupport
import Testing

@Suite("describe says what a checkpoint is, by the real binary")
struct DescribeCommandTests {
  private typealias Tensor = SafetensorsFile.Tensor

  private func zeros(_ name: String, _ shape: [Int]) -> Tensor {
    Tensor(name, shape, [Float](repeating: 0, count: shape.reduce(1, *)))
  }

  /// A decoder of three layers with its training state.
  private var decoder: [Tensor] {
    let parameters =
      [zeros("model.embed_tokens.weight", [50, 8]), zeros("model.norm.weight", [8])]
      + (0..<3).flatMap { layer in
        [
          zeros("model.layers.\(layer).self_attn.q_proj.weight", [8, 8]),
          zeros("model.layers.\(layer).self_attn.rotary_emb.inv_freq", [2]),
          zeros("model.layers.\(layer).input_layernorm.weight", [8]),
          zeros("model.layers.\(layer).post_attention_layernorm.weight", [8]),
          zeros("model.layers.\(layer).mlp.up_proj.weight", [20, 8]),
        ]
      }
    return parameters
      + parameters.map { zeros("ema.\($0.name)", $0.shape) }
      + [zeros("optimizer.state.0.exp_avg", [50, 8])]
  }

  @Test("layers, width, heads, vocabulary and parts, from names and shapes")
  func decoderText() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("run.safetensors", SafetensorsFile(decoder).bytes)
    let run = try runCommand(["describe", file])
    #expect(run.status == 0, "\(run.error)")
    #expect(
      run.output == """
        \(file): safetensors: 35 tensors, 2,668 elements, 10.4 KiB
          framework     PyTorch
          layers        3 in model.layers.{n}
          width         8
          heads         2
          feed-forward  20
          vocabulary    50
          parameters    17 tensors, 1,134 elements, 4.4 KiB: float32
          averages      17 tensors, 1,134 elements, 4.4 KiB: float32
          optimizer     1 tensor, 400 elements, 1.6 KiB: float32

        """)
  }

  @Test("a model that a mapping knows, and in whose layout")
  func knownModel() throws {
    let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path
    let run = try runCommand(["describe", sample])
    #expect(run.output.contains("  framework   Flax\n"))
    #expect(run.output.contains("  model       savi-small, in Flax's layout"), "\(run.output)")
    let json = try JSONParser.parse(Array(runCommand(["describe", sample, "--json"]).output.utf8))
    #expect(json["model"]?["side"] == .string("Flax"))
  }

  @Test("values beside the tensors, and a checkpoint of which little can be said")
  func little() throws {
    let folder = try TemporaryFolder()
    var file = SafetensorsFile([Tensor("x", [1], [1])])
    file.metadata = [.init("epoch", .string("3"))]
    let run = try runCommand(["describe", try folder.write("x.safetensors", file.bytes)])
    #expect(run.output.contains("  values      __metadata__.epoch: str '3'\n"), "\(run.output)")
    #expect(!run.output.contains("layers") && !run.output.contains("framework"))
  }

  @Test("models are described as before; a file that is neither is an error")
  func models() throws {
    #expect(
      try runCommand(["describe", "savi-small"]).output == fixtureText("golden/module-tree.txt"))
    let missing = try runCommand(["describe", "/nowhere/x.pt"])
    #expect(missing.status == 2 && missing.error.contains("No such file"))
    let typo = try runCommand(["describe", "savi-smal"])
    #expect(typo.status == 64 && typo.error.contains("did you mean savi-small?"))
    let wrong = try runCommand(["describe", "savi-small", "--key", "x"])
    #expect(wrong.status == 64)
  }
}
