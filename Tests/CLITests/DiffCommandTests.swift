import CheckpointCore
import DamageCorpus
import Foundation
import TestSupport
import Testing

@Suite("diff says what the differences come to, by the real binary")
struct DiffCommandTests {
  private typealias Tensor = SafetensorsFile.Tensor

  /// Four layers of two tensors, and an embedding; no two tensors are alike.
  private static let model: [Tensor] = {
    var tensors = [Tensor("embed.weight", [4, 2], [0, 1, 2, 3, 4, 5, 6, 7])]
    for layer in 0..<4 {
      let base = Float(10 * layer)
      tensors.append(
        Tensor("layers.\(layer).w", [2, 2], [base + 1, base + 2, base + 3, base + 4]))
      tensors.append(Tensor("layers.\(layer).b", [2], [base + 0.5, 1]))
    }
    return tensors
  }()

  private func changed(_ change: (inout [Tensor]) -> Void) -> [Tensor] {
    var tensors = Self.model
    change(&tensors)
    return tensors
  }

  private func diff(
    _ a: [Tensor], _ b: [Tensor], _ options: [String] = []
  ) throws -> (status: Int32, output: String, error: String) {
    let folder = try TemporaryFolder()
    let first = try folder.write("a.safetensors", SafetensorsFile(a).bytes)
    let second = try folder.write("b.safetensors", SafetensorsFile(b).bytes)
    let run = try runCommand(["diff", first, second] + options)
    return (run.status, run.output.replacing(folder.path + "/", with: ""), run.error)
  }

  private func verdict(_ b: [Tensor]) throws -> String {
    let run = try diff(Self.model, b)
    #expect(run.status == 1, "\(run.error)")
    return String(run.output.prefix { $0 != "\n" })
  }

  @Test("in the first line: of changed values, other dtypes, names, parts and shapes")
  func verdicts() throws {
    #expect(try diff(Self.model, Self.model).output == "9 tensors compared, no differences\n")
    #expect(
      try verdict(changed { $0[1].values[0] = 2 }) == "same architecture, 1 of 9 tensors changed")
    #expect(
      try verdict(changed { for index in $0.indices { $0[index].name = "m." + $0[index].name } })
        == "the same weights, 9 tensors renamed")
    #expect(
      try verdict(changed { $0.removeAll { $0.name.hasPrefix("layers.3") } })
        == "a.safetensors without 2 tensors")
    let adapters = (0..<4).flatMap { layer in
      ["lora_A", "lora_B"].map { Tensor("layers.\(layer).w.\($0)", [1, 2], [0.5, Float(layer)]) }
    }
    #expect(try verdict(Self.model + adapters) == "a.safetensors plus 8 LoRA tensors")
    #expect(
      try verdict(changed { $0[0] = Tensor("embed.weight", [2, 2], [1, 2, 3, 4]) })
        == "another architecture: 1 of another shape, 0 of 8 tensors changed")
    #expect(
      try verdict([Tensor("x", [1], [7])])
        == "no name in common: 9 only in the first, 1 only in the second")
  }

  @Test("only the optimizer, where the model agrees")
  func optimizer() throws {
    let state = ["exp_avg", "exp_avg_sq"].map { Tensor("optimizer.state.0.\($0)", [1], [1]) }
    let other = ["exp_avg", "exp_avg_sq"].map { Tensor("optimizer.state.0.\($0)", [1], [2]) }
    let run = try diff(Self.model + state, Self.model + other)
    #expect(run.output.hasPrefix("only the optimizer differs\n"))
  }

  @Test("the same weights in another dtype are told from other weights in another dtype")
  func dtypes() throws {
    let folder = try TemporaryFolder()
    let odd = changed { $0[0].values[1] = 0.1 }
    let file = try folder.write("a.safetensors", SafetensorsFile(odd).bytes)
    let half = folder.file("half.safetensors")
    _ = try runCommand(["convert", file, "--map", "none", "-o", half, "--dtype", "bfloat16"])
    for pair in [[file, half], [half, file]] {
      let run = try runCommand(["diff"] + pair)
      #expect(run.status == 1)
      #expect(run.output.hasPrefix("the same weights in another dtype: "), "\(run.output)")
    }
    let near = try folder.write(
      "b.safetensors", SafetensorsFile(changed { $0[0].values[1] = 0.11 }).bytes)
    let run = try runCommand(["diff", near, half])
    #expect(
      run.output.hasPrefix("same architecture in another dtype, 1 of 9 tensors changed\n"),
      "\(run.output)")
    // Each tensor once, whose dtype and whose values differ.
    #expect(run.output.hasSuffix("9 tensors compared, 9 differences\n"), "\(run.output)")
    let json = try runCommand(["diff", near, half, "--json"]).output
    #expect(json.contains("\"differing\": 9,"), "\(json)")
  }

  @Test("changes are folded, the largest first; --all gives every tensor a row")
  func changes() throws {
    let b = changed {
      for index in $0.indices where $0[index].name.hasSuffix(".w") { $0[index].values[3] += 0.01 }
      $0[0].values[7] = 70
    }
    let run = try diff(Self.model, b)
    let lines = run.output.split(separator: "\n").map(String.init)
    #expect(lines[0] == "same architecture, 5 of 9 tensors changed")
    #expect(lines[1] == "Changed: 5 tensors")
    #expect(lines[3].hasPrefix("  embed.weight          1  5.32      ████████"), "\(run.output)")
    #expect(lines[3].hasSuffix("12.5 %  63.0  [3, 1]: 7.0 and 70.0"), "\(run.output)")
    #expect(lines[4].hasPrefix("  layers.{0…3}.w        4  "), "\(run.output)")
    #expect(lines[5] == "9 tensors compared, 5 differences")
    let all = try diff(Self.model, b, ["--all"]).output
    for layer in 0..<4 { #expect(all.contains("  layers.\(layer).w  ")) }
  }

  @Test("renamed tensors are found by their elements, in groups of one renaming")
  func renamed() throws {
    let b = changed {
      for index in $0.indices {
        $0[index].name = $0[index].name.replacing("layers.", with: "h.")
      }
      $0[0].values[0] = 5
    }
    let run = try diff(Self.model, b)
    #expect(
      run.output.hasPrefix("same architecture, 1 of 1 tensor changed, 8 renamed\n"), "\(run.output)"
    )
    #expect(
      run.output.contains(
        "  layers.0.w -> h.0.w, and 7 more in which 'layers' became 'h'\n"))
    // Of equal tensors nothing says which is which, unless there are as many on both sides.
    let zeros = { (name: String) in Tensor(name, [2], [0, 0]) }
    let unclear = try diff([zeros("a"), zeros("b")], [zeros("c")]).output
    #expect(unclear.contains("2 only in the first, 1 only in the second"), "\(unclear)")
  }

  @Test("two subtrees of one file")
  func subtrees() throws {
    let folder = try TemporaryFolder()
    let averages = changed { $0[0].values[0] = 0.5 }
    let both = [("model.", Self.model), ("ema.", averages)].flatMap { prefix, tensors in
      tensors.map { Tensor(prefix + $0.name, $0.dtype, $0.shape, $0.bytes) }
    }
    let file = try folder.write("train.safetensors", SafetensorsFile(both).bytes)
    let run = try runCommand(["diff", file, file, "--key", "model", "--key-b", "ema"])
    #expect(run.status == 1)
    #expect(run.output.hasPrefix("same architecture, 1 of 9 tensors changed\n"))
    #expect(
      try runCommand(["diff", file, file, "--key", "model", "--key-b", "model"]).status == 0)
    let wrong = try runCommand(["diff", file, file, "--key", "model", "--key-b", "emma"])
    #expect(wrong.status == 2)
    #expect(wrong.error.contains("did you mean ema?"))
  }

  @Test("JSON has the verdict, and how far each tensor moved")
  func json() throws {
    let b = changed { $0[0] = Tensor("embed.weight", [4, 2], [0, 1, 2, 3, 4, 5, 6, -7]) }
    let run = try diff(Self.model, b, ["--json"])
    let document = try JSONParser.parse(Array(run.output.utf8))
    #expect(document["verdict"]?["kind"] == .string("changed"))
    guard case .array(let differences)? = document["differences"],
      case .double(let relative)? = differences[0]["relative"],
      case .double(let cosine)? = differences[0]["cosine"]
    else {
      Issue.record("\(run.output)")
      return
    }
    // a·a = 140 of which 49 change their sign: |b - a| = 14, a·b = 91 - 49.
    #expect(abs(relative - 14 / 140.squareRoot()) < 1e-12)
    #expect(abs(cosine - 42.0 / 140) < 1e-12)
    #expect(differences[0]["changed_share"] == .double(0.125))
  }
}
