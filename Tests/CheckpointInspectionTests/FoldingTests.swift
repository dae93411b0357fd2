import CheckpointCore
import CheckpointInspection
import Testing

@Suite("Folding names")
struct FoldingTests {
  /// Names with a key after a space, folded, as "name: members".
  private func folded(_ entries: [String]) -> [String] {
    let names = FoldedNames(
      entries.map { entry in
        let parts = entry.split(separator: " ", omittingEmptySubsequences: false)
        return (name: TensorName(String(parts[0])), key: parts.count > 1 ? String(parts[1]) : "")
      })
    return names.list.map { "\($0.name): \($0.members.map(String.init).joined(separator: " "))" }
  }

  @Test(
    "makes families of numbers, of words and of both",
    arguments: [
      (["a.0.w", "a.1.w", "a.2.w"], ["a.{0…2}.w: 0 1 2"]),
      (["a.2", "a.10", "a.3", "a.7"], ["a.{2,3,7,10}: 0 1 2 3"]),
      (["attn.q.w", "attn.k.w", "attn.v.w"], ["attn.{q,k,v}.w: 0 1 2"]),
      (["q_proj", "k_proj"], ["{q,k}_proj: 0 1"]),
      (["weight", "height"], ["{weight,height}: 0 1"]),
      (["h.0.ln_1.w", "h.0.ln_2.w", "h.1.ln_1.w", "h.1.ln_2.w"], ["h.{0,1}.ln_{1,2}.w: 0 1 2 3"]),
      (["block_0/x", "block_1/x", "block_02/x"], ["block_{{0,1},02}/x: 0 1 2"]),
    ])
  func families(_ names: [String], _ expected: [String]) {
    #expect(folded(names) == expected)
  }

  @Test("keeps apart what is not the same thing")
  func differences() {
    #expect(
      folded(["a.0.w big", "a.1.w big", "a.2.w small", "a.3.w big"]) == [
        "a.{0,1,3}.w: 0 1 3", "a.2.w: 2",
      ])
    // The third layer has something more.
    #expect(
      folded(["a.0.w", "a.1.w", "a.2.w", "a.2.b x"]) == [
        "a.{0,1}.w: 0 1", "a.2.w: 2", "a.2.b: 3",
      ])
  }

  @Test("does not mind in which order layers list their tensors")
  func order() {
    #expect(
      folded(["a.0.w x", "a.0.b y", "a.1.b y", "a.1.w x"]) == [
        "a.{0,1}.w: 0 3", "a.{0,1}.b: 1 2",
      ])
  }

  @Test("loses no name: bytes that look alike, empty parts, a group that is a tensor itself")
  func odd() {
    #expect(folded(["\u{E9}.w", "e\u{301}.w x"]).count == 2)
    #expect(folded([""]) == [": 0"])
    #expect(folded(["a..b", "a./b y", "a z"]) == ["a: 2", "a..b: 0", "a./b: 1"])
    let deep = String(repeating: "a.", count: 5000)
    #expect(folded([deep + "0", deep + "1"]).joined().count > 10_000)
  }

  @Test("counts every entry once, however the families nest")
  func total() {
    let names = (0..<3).flatMap { layer in
      (0..<4).flatMap { expert in
        ["up", "down"].map { "m.layers.\(layer).experts.\(expert).\($0) \($0)" }
      }
    }
    let lines = folded(names)
    #expect(lines.count == 2)
    #expect(lines[0].hasPrefix("m.layers.{0…2}.experts.{0…3}.up: "))
    let members = lines.flatMap { $0.split(separator: " ").dropFirst().compactMap { Int($0) } }
    #expect(members.sorted() == Array(names.indices))
  }
}
