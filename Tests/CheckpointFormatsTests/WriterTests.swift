import Bytes
import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

@Suite("Writers")
struct WriterTests {
  private static let work = WorkLimits(threads: 2, memory: 1 << 20)

  private func tensors() throws -> [OutputTensor] {
    let shape = try #require(Shape([2, 3]))
    return DType.allCases.compactMap { dtype in
      let bytes = rampBytes(dtype, count: 6)
      guard !bytes.isEmpty else { return nil }
      return OutputTensor(name: "a/\(dtype)", dtype: dtype, shape: shape) { try $0(0, bytes.span) }
    } + [
      OutputTensor(name: "scalar", dtype: .int64, shape: .scalar) {
        try $0(0, rampBytes(.int64, count: 1).span)
      },
      OutputTensor(name: "empty", dtype: .float32, shape: try #require(Shape([3, 0]))) { _ in },
      OutputTensor(name: "alias", dtype: .float32, shape: shape, aliasOf: "a/float32") { _ in },
    ]
  }

  @Test(
    "what is written is read back, the same bytes each time",
    arguments: [FormatName.npz, .torch, .hdf5])
  func roundTrip(_ format: FormatName) throws {
    let folder = try TemporaryFolder()
    let writer = try #require(try CheckpointWriters.writer(for: format))
    for name in ["one", "two"] {
      try CheckpointWriters.write(
        try tensors(), to: folder.file(name), as: writer, overwrite: false, work: Self.work)
    }
    #expect(try fileBytes(folder.file("one")) == fileBytes(folder.file("two")))
    let options = ReadOptions(rawTypes: [1: .float8_e4m3fn, 2: .bfloat16, 4: .complex32])
    let checkpoint = try Checkpoint(path: folder.file("one"), options: options)
    let names = try tensors().map(\.name)
    // HDF5 lists by name.
    #expect(checkpoint.tensors.map(\.name) == (format == .hdf5 ? names.sorted() : names))
    for tensor in checkpoint.tensors where tensor.name != "a/float8_e5m2" {
      #expect(
        try checkpoint.reader.read(tensor) == rampBytes(tensor.dtype, count: tensor.shape.count),
        "\(tensor.name)")
      if format != .hdf5, let offset = tensor.storage?.fileOffset, tensor.shape.count > 0 {
        #expect(offset % 64 == 0)
      }
    }
    if format != .npz {
      let alias = try #require(checkpoint.tensors.first { $0.name == "alias" })
      let original = try #require(checkpoint.tensors.first { $0.name == "a/float32" })
      #expect(alias.storage == original.storage)
    }
  }

  @Test("a source that fails or falls short leaves no file")
  func failure() throws {
    let folder = try TemporaryFolder()
    struct Broken: Error {}
    let short = OutputTensor(name: "x", dtype: .int8, shape: try #require(Shape([4]))) {
      try $0(0, [1, 2].span)
    }
    let broken = OutputTensor(name: "x", dtype: .int8, shape: try #require(Shape([4]))) { _ in
      throw Broken()
    }
    for tensor in [short, broken] {
      for format in CheckpointWriters.formats {
        let writer = try #require(try CheckpointWriters.writer(for: format))
        #expect(throws: (any Error).self) {
          try CheckpointWriters.write(
            [tensor], to: folder.file("out"), as: writer, overwrite: false, work: Self.work)
        }
      }
    }
    #expect(try folder.contents().isEmpty)
  }
}
