import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

@Suite("PyTorch zip files")
struct PyTorchTests {
  private func open(_ name: String) throws -> Checkpoint {
    try Checkpoint(path: fixture("torch/\(name).pt"))
  }

  private func tensor(_ name: TensorName, in checkpoint: Checkpoint) throws -> TensorInfo {
    try #require(checkpoint.tensors.first { $0.name == name }, "\(name)")
  }

  @Test(
    "read every dtype bit for bit: protocols 2 and 4, big-endian, without CRCs",
    arguments: [
      ("dtypes", 17), ("protocol_4", 15), ("no_crc", 1), ("legacy", 2), ("big_endian", 3),
      ("bare", 1),
    ])
  func dtypes(_ name: String, _ count: Int) throws {
    let checkpoint = try open(name)
    #expect(checkpoint.tensors.count == count)
    for tensor in checkpoint.tensors {
      #expect(
        try checkpoint.reader.read(tensor) == rampBytes(tensor.dtype, count: tensor.shape.count),
        "\(name): \(tensor.name)")
    }
  }

  @Test(
    "honour offsets, strides, expansion, and the conjugate and negative bits",
    arguments: [
      "base", "same", "transposed", "every_other_column", "scalar", "empty", "neg", "parameter",
    ])
  func views(_ name: TensorName) throws {
    let checkpoint = try open("views")
    let item = try tensor(name, in: checkpoint)
    #expect(
      try checkpoint.reader.read(item) == rampBytes(.float32, count: item.shape.count), "\(name)")
  }

  @Test("nothing but the tensors is listed of a dict of tensors")
  func nothingElse() throws {
    #expect(try open("views").placeholders.isEmpty)
  }

  @Test("conjugate: the stored imaginary parts are negated")
  func conjugate() throws {
    let checkpoint = try open("views")
    let bytes = try checkpoint.reader.read(try tensor("conj", in: checkpoint))
    let ramp = rampBytes(.float32, count: 6)
    var expected: [UInt8] = []
    for start in stride(from: 0, to: 24, by: 4) {
      let number = ramp[start..<start + 4]
      expected += number
      expected += number
    }
    // The stored value is i - i·j; zero's imaginary part is a negative zero, conjugated to zero.
    #expect(bytes == expected)
  }

  @Test("a row of a shared storage, and an expanded row")
  func parts() throws {
    let checkpoint = try open("views")
    let row = try checkpoint.reader.read(try tensor("row_2", in: checkpoint))
    #expect(row == Array(rampBytes(.float32, count: 18).suffix(24)))
    #expect(
      try checkpoint.reader.read(try tensor("expanded", in: checkpoint))
        == [UInt8](repeating: 0, count: 48))
  }

  @Test("name nested entries by their path, with plain values as placeholders")
  func nesting() throws {
    let checkpoint = try open("training")
    #expect(
      checkpoint.entries.map(\.name) == [
        "model.weight", "model.bias", "optimizer.state.0.step", "optimizer.state.0.exp_avg",
        "optimizer.state.0.exp_avg_sq", "optimizer.state.1.step", "optimizer.state.1.exp_avg",
        "optimizer.state.1.exp_avg_sq", "optimizer.param_groups", "epoch", "note", "ordered.a",
        "list.0", "list.1", "7", "array", "number",
      ])
    #expect(
      checkpoint.placeholders.map(\.reason) == ["list of 1", "int 3", "str 'text'", "int 5"])
    #expect(checkpoint.placeholders.allSatisfy { $0.kind == .value })
  }

  @Test("a conjugated view is not an alias of what it conjugates")
  func conjugateIsNoAlias() throws {
    let checkpoint = try open("views")
    let (stored, view) = (
      try tensor("complex", in: checkpoint), try tensor("conj", in: checkpoint)
    )
    #expect(stored.storage?.key == view.storage?.key)
    #expect(stored.storage != view.storage)
    #expect(try tensor("empty_slice", in: checkpoint).shape.description == "(0, 2)")
  }

  @Test("NumPy arrays and scalars inside a checkpoint are tensors")
  func numpyObjects() throws {
    let checkpoint = try open("training")
    let array = try tensor("array", in: checkpoint)
    #expect(try checkpoint.reader.read(array) == rampBytes(.float32, count: 6))
    #expect(try tensor("number", in: checkpoint).dtype == .int64)
  }

  @Test("read TorchScript archives by attribute path")
  func torchScript() throws {
    let checkpoint = try open("torchscript")
    #expect(checkpoint.reader.formatDescription == "TorchScript")
    #expect(checkpoint.tensors.map(\.name) == ["weight", "bias"])
  }

  @Test("read the parameters of a whole pickled module without its class")
  func module() throws {
    let checkpoint = try open("module")
    #expect(checkpoint.tensors.map(\.name) == ["weight", "bias"])
  }

  @Test("name unknown globals and unsupported tensors")
  func placeholders() throws {
    let unknown = try open("unknown_global")
    #expect(unknown.placeholders.map(\.reason) == ["object of __main__.Unknown"])
    let unsupported = try open("unsupported")
    #expect(
      unsupported.placeholders.map(\.reason) == [
        "a quantized tensor (torch._utils._rebuild_qtensor) of QInt8Storage (2, 3)",
        "a sparse tensor (torch._utils._rebuild_sparse_tensor) of int64 (2, 5), float32 (5,)",
      ])
    #expect(unsupported.placeholders.allSatisfy { $0.kind == .data })
    #expect(unsupported.tensors.map(\.name) == ["x"])
  }

  @Test("a wrong CRC is an error; one of zero means none was computed")
  func checksum() throws {
    let folder = try TemporaryFolder()
    for (file, fails) in [("bare", true), ("no_crc", false)] {
      var bytes = try fileBytes(fixture("torch/\(file).pt"))
      let checkpoint = try open(file)
      let offset = try #require(checkpoint.tensors[0].storage?.fileOffset)
      #expect(offset % 64 == 0)
      bytes[offset + 1] ^= 1
      let damaged = try Checkpoint(path: try folder.write(file, bytes))
      if fails {
        #expect(throws: CheckpointError.self) { try damaged.reader.read(damaged.tensors[0]) }
      } else {
        #expect(try damaged.reader.read(damaged.tensors[0]).count == 24)
      }
    }
  }
}
