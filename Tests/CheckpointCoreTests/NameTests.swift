import CheckpointCore
import Testing

@Suite("Names, selections and messages")
struct NameTests {
  @Test("suggests the nearest name, and none where none is near")
  func suggestions() {
    let names = ["encoder.weight", "encoder.bias", "decoder.weight"]
    #expect(nearestName(to: "encoder.wieght", among: names) == "encoder.weight")
    #expect(nearestName(to: "deoder.weight", among: names) == "decoder.weight")
    #expect(nearestName(to: "something else", among: names) == nil)
    #expect(nearestName(to: "x", among: []) == nil)
  }

  private func entries(_ names: [TensorName]) -> [CheckpointEntry] {
    names.map { .tensor(TensorInfo(name: $0, dtype: .float32, shape: .scalar)) }
  }

  @Test("selects a subtree below a whole path component, of either separator")
  func subtrees() throws {
    let all = entries(["model.a.b", "model2.c", "model/d", "model", "other"])
    #expect(try EntrySelection(key: "model").select(all).map(\.name) == ["a.b", "d", ""])
    #expect(throws: CheckpointError.self) { try EntrySelection(key: "modle").select(all) }
  }

  @Test("exclusion wins over inclusion")
  func filters() throws {
    let all = entries(["a.weight", "a.bias", "b.weight"])
    let selection = EntrySelection(include: ["weight$", "bias"], exclude: ["^b"])
    #expect(try selection.select(all).map(\.name) == ["a.weight", "a.bias"])
    #expect {
      try EntrySelection(include: ["("]).select(all)
    } throws: {
      ($0 as? CheckpointError)?.kind == .usage
    }
  }

  @Test("keeps a message on one line, whatever a name holds")
  func oneLine() {
    let error = CheckpointError(file: "f\n", entry: "\u{1B}[31mred", "bad", advice: "fix it")
    #expect(error.description == #"f\u{a}: \u{1b}[31mred: bad; fix it"#)
  }

  @Test("prints shapes as Python tuples and refuses sizes that do not fit")
  func shapes() throws {
    #expect(Shape([3, 4])?.description == "(3, 4)")
    #expect(Shape([3])?.description == "(3,)")
    #expect(Shape.scalar.description == "()")
    #expect(Shape([Int.max, 2]) == nil)
    #expect(Shape([-1]) == nil)
    #expect(Shape([0, Int.max, Int.max])?.count == 0)
  }
}
