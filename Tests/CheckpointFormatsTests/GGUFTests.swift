import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

@Suite("GGUF files")
struct GGUFTests {
  @Test("floats and integers are tensors, the slowest extent first, quantized blocks placeholders")
  func tensors() throws {
    let checkpoint = try Checkpoint(path: fixture("gguf/tiny.gguf"))
    #expect(
      checkpoint.tensors.map { "\($0.name) \($0.dtype) \($0.shape)" } == [
        "token_embd.weight float32 (2, 3)", "norm float16 (3,)", "b bfloat16 (3, 2)",
        "ids int64 (2, 1, 2)",
      ])
    for tensor in checkpoint.tensors {
      #expect(
        try checkpoint.reader.read(tensor) == rampBytes(tensor.dtype, count: tensor.shape.count),
        "\(tensor.name)")
    }
    let unread = checkpoint.placeholders.filter { $0.kind == .data }
    #expect(unread.map(\.reason) == ["quantized blocks of Q4_0, shape (2, 64), 72 bytes"])
    #expect(throws: CheckpointError.self) { try checkpoint.readableTensors() }
  }

  @Test("keys are listed, long values cut, and complete in their value")
  func keys() throws {
    let checkpoint = try Checkpoint(path: fixture("gguf/tiny.gguf"))
    let values = checkpoint.placeholders.filter { $0.kind == .value }
    #expect(
      values.map { "\($0.name): \($0.reason)" }.prefix(5) == [
        "general.architecture: str 'llama'", "general.alignment: int 64",
        "llama.context_length: int 1099511627776", "llama.scale: float 0.5",
        "llama.tied: bool True",
      ])
    #expect(values[5].reason.hasPrefix(#"list of 3: ["<s>", "é", "aaaa"#))
    #expect(
      values[5].value?.value
        == .array([.string("<s>"), .string("é"), .string(String(repeating: "a", count: 90))]))
    #expect(values[6].reason == "list of 2: [[-1, 2], [0.25]]")
  }

  @Test("of the other byte order give the same elements")
  func bigEndian() throws {
    let checkpoint = try Checkpoint(path: fixture("gguf/big_endian.gguf"))
    #expect(checkpoint.reader.formatDescription == "GGUF version 2")
    #expect(try checkpoint.reader.read(checkpoint.tensors[0]) == rampBytes(.float32, count: 6))
  }

  @Test("cut anywhere end in an error")
  func cut() throws {
    let folder = try TemporaryFolder()
    let bytes = try fileBytes(fixture("gguf/tiny.gguf"))
    // The last tensor's data is padded.
    for count in 4..<bytes.count - 56 {
      let path = try folder.write("x.gguf", Array(bytes[..<count]))
      #expect(throws: CheckpointError.self, "\(count)") { try Checkpoint(path: path) }
    }
  }
}
