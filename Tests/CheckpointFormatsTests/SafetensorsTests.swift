import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

@Suite("safetensors files")
struct SafetensorsTests {
  private func open(_ header: String, _ data: [UInt8], length: UInt64? = nil) throws -> Checkpoint {
    let folder = try TemporaryFolder()
    let count = length ?? UInt64(header.utf8.count)
    let bytes = withUnsafeBytes(of: count.littleEndian) { Array($0) } + Array(header.utf8) + data
    return try Checkpoint(path: try folder.write("x", bytes))
  }

  @Test("read the recorded state dict bit for bit")
  func golden() throws {
    let expected = try Checkpoint(path: fixture("golden/tiny_perturbed_torch.npz"))
    let checkpoint = try Checkpoint(path: fixture("golden/tiny_perturbed_torch.safetensors"))
    #expect(checkpoint.tensors.count == 59)
    for tensor in expected.tensors {
      let same = try #require(checkpoint.tensors.first { $0.name == tensor.name })
      #expect(try checkpoint.reader.read(same) == expected.reader.read(tensor))
    }
  }

  @Test(
    "every rule of the format is enforced",
    arguments: [
      (
        #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
        2, "appears twice"
      ),
      (
        #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
        3, "a gap"
      ),
      (
        #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
        2, "within the tensor before it"
      ),
      (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 2, "but 2 follow the header"),
      (#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}}"#, 2, "does not take the 2 bytes"),
      (
        #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,1]}}"#, 1,
        "does not fit 64 bits"
      ),
      (#"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, 1, "'shape' holds -1"),
      (#"{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}"#, 1, "'shape' holds 1.0"),
      (#"{"a":{"dtype":"X","shape":[1],"data_offsets":[0,1]}}"#, 1, "is not known"),
      (#"{"__metadata__":{"a":1}}"#, 0, "strings expected"),
      (#"{"#, 0, "not valid JSON"),
    ])
  func rules(_ header: String, _ dataSize: Int, _ message: String) {
    #expect {
      try open(header, [UInt8](repeating: 0, count: dataSize))
    } throws: {
      "\($0)".contains(message)
    }
  }

  @Test("the header's length is limited and must fit the file")
  func lengths() {
    for length: UInt64 in [200_000_000, 1000] {
      #expect(throws: CheckpointError.self) { try open("{}", [], length: length) }
    }
  }

  @Test("null metadata, padding and recorded aliases are read")
  func metadata() throws {
    let tensor = #""a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#
    #expect(try open(#"{"__metadata__":null,\#(tensor)}  "#, [7]).tensors.count == 1)
    let aliased = try open(#"{"__metadata__":{"b":"a","format":"pt"},\#(tensor)}"#, [7])
    #expect(aliased.tensors.map(\.name) == ["a", "b"])
    #expect(aliased.tensors[0].storage == aliased.tensors[1].storage)
  }
}
