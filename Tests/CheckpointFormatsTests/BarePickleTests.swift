import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

/// What the entries of a file are, in its order.
private func listing(_ path: String) throws -> [String] {
  try Checkpoint(path: fixture(path)).entries.map { entry in
    switch entry {
    case .tensor(let tensor): "\(tensor.name) \(tensor.dtype) \(tensor.shape)"
    case .placeholder(let item): "\(item.name): \(item.reason)"
    }
  }
}

@Suite("Pickles by themselves")
struct BarePickleTests {
  @Test("are read in every protocol", arguments: 0...5)
  func protocols(_ number: Int) throws {
    #expect(
      try listing("pickle/protocol_\(number).pkl") == [
        "layer.w float32 (2, 3)", "layer.b float64 (3,)", "epoch: int 3",
        "torch float32 (2, 2)", "again float32 (2,)",
      ])
    let checkpoint = try Checkpoint(path: fixture("pickle/protocol_\(number).pkl"))
    for tensor in checkpoint.tensors {
      #expect(
        try checkpoint.reader.read(tensor) == rampBytes(tensor.dtype, count: tensor.shape.count),
        "\(tensor.name)")
    }
  }

  @Test("of PaddlePaddle's forms: arrays, and tensors with their names")
  func paddle() throws {
    #expect(
      try listing("pickle/model.pdparams") == [
        "linear.weight float32 (2, 3)", "linear.bias float32 (3,)",
        "StructuredToParameterName@@: dict of 1",
      ])
  }

  @Test("give the arrays among an array's objects, below its name")
  func objects() throws {
    #expect(
      try listing("pickle/objects.npz") == [
        "params/a/w float32 (2, 3)", "params/step: int 5", "list/0 int64 (2,)",
        "list/1 float32 (3,)", "plain: an object array (2,) of plain values",
      ])
    #expect(try listing("pickle/objects.npy") == ["w float32 (2, 3)"])
  }

  @Test("with something behind them, or damaged, are refused in a sentence")
  func damaged() throws {
    let folder = try TemporaryFolder()
    let bytes = try fileBytes(fixture("pickle/protocol_2.pkl"))
    #expect {
      try Checkpoint(path: folder.write("x.pkl", bytes + bytes))
    } throws: {
      "\($0)".contains("\(bytes.count) bytes follow the pickle, which would not be read")
    }
    // A lone first byte is an empty map of MessagePack.
    for count in bytes.indices.dropFirst(2) {
      let path = try folder.write("x.pkl", Array(bytes[..<count]))
      #expect(throws: CheckpointError.self) { try Checkpoint(path: path) }
    }
  }
}
