import DamageCorpus
import Foundation
import TestSupport
import Testing

@Suite("Listings on a terminal, by the real binary")
struct TerminalTests {
  /// A model of 24 layers, 219 tensors.
  private func model(_ folder: TemporaryFolder) throws -> String {
    typealias Tensor = SafetensorsFile.Tensor
    var tensors = [Tensor("model.embed_tokens.weight", [8, 4], [Float](repeating: 1, count: 32))]
    for layer in 0..<24 {
      let prefix = "model.layers.\(layer)"
      tensors += ["q", "k", "v", "o"].map {
        Tensor("\(prefix).self_attn.\($0)_proj.weight", [4, 4], [Float](repeating: 2, count: 16))
      }
      tensors += ["gate", "up"].map {
        Tensor("\(prefix).mlp.\($0)_proj.weight", [6, 4], [Float](repeating: 3, count: 24))
      }
      tensors += ["input", "post_attention"].map {
        Tensor("\(prefix).\($0)_layernorm.weight", [4], [1, 2, 3, 4])
      }
      tensors.append(
        Tensor("\(prefix).mlp.down_proj.weight", [4, 6], [Float](repeating: 4, count: 24)))
    }
    tensors.append(Tensor("model.norm.weight", [4], [1, 2, 3, 4]))
    tensors.append(Tensor("lm_head.weight", [8, 4], [Float](repeating: 1, count: 32)))
    return try folder.write("model.safetensors", SafetensorsFile(tensors).bytes)
  }

  @Test("more than 200 entries are a tree; --flat and a pipe give every entry a row")
  func tree() throws {
    let folder = try TemporaryFolder()
    let file = try model(folder)
    let run = try runOnTerminal(["ls", file], columns: 120, environment: ["NO_COLOR": "1"])
    #expect(run.status == 0)
    let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count < 20, "\(run.output)")
    #expect(run.output.contains("  layers.{0…23} "))
    #expect(run.output.contains("    self_attn.{q,k,v,o}_proj.weight "))
    #expect(run.output.contains("96  (4, 4)  float32   6,144"), "\(run.output)")
    #expect(run.output.hasSuffix("safetensors: 219 tensors, 3,524 elements, 13.8 KiB\n"))
    let flat = try runOnTerminal(
      ["ls", file, "--flat"], columns: 120, environment: ["NO_COLOR": "1"])
    let piped = try runCommand(["ls", file])
    #expect(flat.output == piped.output)
    #expect(piped.output.split(separator: "\n").count == 219 + 2)
    #expect(try runCommand(["ls", file, "--fold"]).output == run.output)
  }

  @Test("a short listing is no tree; colour is for terminals that want it")
  func short() throws {
    let file = fixture("numpy/dtypes.npz")
    let coloured = try runOnTerminal(["ls", file], columns: 120)
    #expect(coloured.output.contains("\u{1B}["))
    let wanted = try runCommand(["ls", file]).output
    for environment in [["NO_COLOR": "1"], ["TERM": "dumb"]] {
      let plain = try runOnTerminal(["ls", file], columns: 120, environment: environment)
      #expect(plain.output == wanted)
    }
  }

  @Test(
    "a narrow terminal shortens names in the middle, never figures",
    arguments: [["ls"], ["ls", "--flat"], ["stats", "--fold"], ["stats", "--style", "full"]])
  func width(_ command: [String]) throws {
    let folder = try TemporaryFolder()
    let name = "model." + String(repeating: "very_", count: 20) + "long.weight"
    let file = try folder.write(
      "x.safetensors", SafetensorsFile([.init(name, [3], [1, 2, 3])]).bytes)
    let arguments = command + [file]
    let wide = try runCommand(arguments).output
    let columns = command.contains("full") ? 130 : 72
    let run = try runOnTerminal(arguments, columns: columns, environment: ["NO_COLOR": "1"])
    let rows = run.output.split(separator: "\n")
    #expect(rows.allSatisfy { $0.count <= columns }, "\(run.output)")
    #expect(run.output.contains("model.very_") && run.output.contains("…"))
    #expect(run.output.contains("_long.weight"))
    func figures(_ text: String) -> [Substring] {
      text.split { " |\n".contains($0) }.filter { $0.contains(where: \.isNumber) }
    }
    #expect(figures(run.output) == figures(wide))
  }

  @Test("the published table is the same on any terminal")
  func published() throws {
    let folder = try TemporaryFolder()
    let file = folder.file("savi-small.pt")
    let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path
    _ = try runCommand(["convert", sample, "-o", file])
    let run = try runOnTerminal(["stats", file], columns: 60)
    #expect(run.output == (try fixtureText("golden/parameter-table.txt")))
  }

  @Test("stats --fold gives a family one row, with the figures of all its elements")
  func foldedStatistics() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      "x.safetensors",
      SafetensorsFile([
        .init("layers.0.w", [2], [1, 2]), .init("layers.1.w", [2], [3, 6]), .init("b", [1], [0]),
      ]).bytes)
    #expect(
      try runCommand(["stats", file, "--fold"]).output == """
        +----------------+---------+-------+------+------+------+
        | Name           | Tensors | Shape | Size | Mean | Std  |
        +----------------+---------+-------+------+------+------+
        | layers.{0,1}.w | 2       | (2,)  | 4    | 3.0  | 2.16 |
        | b              | 1       | (1,)  | 1    | 0.0  | nan  |
        +----------------+---------+-------+------+------+------+
        Total: 5

        """)
    #expect(try runCommand(["stats", file, "--fold", "--json"]).status == 64)
    #expect(try runCommand(["ls", file, "--fold", "--json"]).status == 64)
  }

  @Test("diff fits a narrow terminal, with its verdict on top")
  func diff() throws {
    let folder = try TemporaryFolder()
    let name = "model." + String(repeating: "very_", count: 20) + "long"
    func write(_ file: String, _ value: Float) throws -> String {
      let tensors = [
        SafetensorsFile.Tensor(name + ".weight", [3], [1, 2, value]),
        SafetensorsFile.Tensor("\(name).only_in_\(file)", [1], [value]),
      ]
      return try folder.write(file, SafetensorsFile(tensors).bytes)
    }
    let files = [try write("a", 3), try write("b", 4)]
    let run = try runOnTerminal(["diff"] + files, columns: 90, environment: ["NO_COLOR": "1"])
    let rows = run.output.split(separator: "\n")
    #expect(rows[0].hasPrefix("another architecture: "), "\(run.output)")
    let tensors = rows.filter { $0.hasPrefix("  model") }
    #expect(tensors.count == 3)
    #expect(tensors.allSatisfy { $0.count <= 90 && $0.contains("…") }, "\(run.output)")
    #expect(run.output.contains("████████"))
  }
}
