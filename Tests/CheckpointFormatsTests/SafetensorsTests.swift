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

  @Test("a long text of many separators beside the tensors takes memory in proportion")
  func longMetadata() throws {
    let text = String(repeating: "/.", count: 300_000)
    let tensor = #""a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#
    #expect(try open(#"{"__metadata__":{"calls":"\#(text)"},\#(tensor)}"#, [7]).tensors.count == 1)
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
      (#"{"__metadata__":{},"__metadata__":{}}"#, 0, "__metadata__ appears twice"),
      (#"{"#, 0, "not valid JSON"),
    ])
  func rules(_ header: String, _ dataSize: Int, _ message: String) {
    #expect {
      try open(header, [UInt8](repeating: 0, count: dataSize))
    } throws: {
      "\($0)".contains(message)
    }
  }

  @Test("F4 is carried in pairs, with the shape that PyTorch gives it, and comes back the same")
  func packed() throws {
    let folder = try TemporaryFolder()
    let header = Array(
      #"{"q":{"dtype":"F4","shape":[2,4],"data_offsets":[0,4]},"s":{"dtype":"F8_E8M0","shape":[2],"data_offsets":[4,6]}}"#
        .utf8)
    let data: [UInt8] = [0x10, 0x32, 0x98, 0xFE, 0x7F, 0x80]
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    let checkpoint = try Checkpoint(path: try folder.write("in", length + header + data))
    let pairs = try #require(checkpoint.tensors.first)
    #expect("\(pairs.name) \(pairs.dtype) \(pairs.shape)" == "q float4_e2m1fn_x2 (2, 2)")
    var values: [Double] = []
    let elements = try checkpoint.reader.read(pairs)
    decodeDoubles(elements.span, pairs.dtype, into: &values)
    #expect(values == [0, 0.5, 1, 1.5, 0, -0.5, -4, -6])
    let outputs = checkpoint.tensors.map { tensor in
      OutputTensor(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape) {
        try checkpoint.reader.stream(tensor, $0)
      }
    }
    let writer = try #require(try CheckpointWriters.writer(for: .safetensors))
    try CheckpointWriters.write(
      outputs, to: folder.file("out"), as: writer, overwrite: false,
      work: WorkLimits(threads: 1, memory: 1 << 20))
    let written = try fileBytes(folder.file("out"))
    #expect(written.suffix(6) == data[...])
    #expect(String(decoding: written, as: UTF8.self).contains(#""dtype":"F4","shape":[2,4]"#))
    let again = try Checkpoint(path: folder.file("out"))
    #expect(again.tensors.map(\.shape) == checkpoint.tensors.map(\.shape))
  }

  @Test("the header's length is limited and must fit the file")
  func lengths() {
    for length: UInt64 in [200_000_000, 1000] {
      #expect(throws: CheckpointError.self) { try open("{}", [], length: length) }
    }
  }

  private static let tensor = #""a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#

  /// What a file with the tensor `name`, one byte, and this metadata lists.
  private func listing(_ metadata: String, tensor name: String) throws -> [String] {
    let tensor = #""\#(name)":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#
    return try open(#"{"__metadata__":{\#(metadata)},\#(tensor)}"#, [7]).entries.map { entry in
      switch entry {
      case .tensor(let tensor): tensor.name.text
      case .placeholder(let item): "\(item.name): \(item.reason)"
      }
    }
  }

  @Test("null metadata and padding are read")
  func padding() throws {
    #expect(try open(#"{"__metadata__":null,\#(Self.tensor)}  "#, [7]).tensors.count == 1)
  }

  @Test("the names that save_model removes are tensors again, and share the elements")
  func aliases() throws {
    let name = "model.embed.weight"
    #expect(
      try listing(#""lm_head.weight":"\#(name)","format":"pt""#, tensor: name) == [
        name, "lm_head.weight", "__metadata__.format: str 'pt'",
      ])
    // Its last part is another, but it lies in a group of the model's.
    #expect(
      try listing(#""model.embed.tied":"\#(name)""#, tensor: name) == [name, "model.embed.tied"])
    let checkpoint = try open(
      #"{"__metadata__":{"b":"a","savi-ckpt.aliases":"[\"b\"]"},\#(Self.tensor)}"#, [7])
    #expect(checkpoint.tensors.map(\.name) == ["a", "b"])
    #expect(checkpoint.tensors[0].storage == checkpoint.tensors[1].storage)
  }

  @Test("metadata that is a tensor's name by chance invents no tensor, and is shown")
  func ordinaryMetadata() throws {
    #expect(
      try listing(#""best":"fc.weight","epoch":"3","run.name":"x""#, tensor: "fc.weight") == [
        "fc.weight",
        "__metadata__.best: str 'fc.weight', a tensor's name; whether this is a second name of it "
          + "is not said",
        "__metadata__.epoch: str '3'", "__metadata__.run.name: str 'x'",
      ])
    #expect(try listing(#""format":"pt""#, tensor: "pt").count == 2)
    #expect(try listing(#""savi-ckpt.aliases":"[]","a.w":"b.w""#, tensor: "b.w").count == 2)
  }

  @Test("a shape of millions of extents is refused before it takes memory")
  func hugeShape() {
    for count in [65, 2_000_000] {
      let zeros = [String](repeating: "0", count: count).joined(separator: ",")
      #expect(throws: CheckpointError.self) {
        try open(#"{"a":{"dtype":"U8","shape":[\#(zeros)],"data_offsets":[0,0]}}"#, [])
      }
    }
  }
}
