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

  private func zeros(_ name: TensorName, _ shape: Shape = .scalar) -> OutputTensor {
    OutputTensor(name: name, dtype: .uint8, shape: shape) { sink in
      try sink(0, [UInt8](repeating: 0, count: shape.count).span)
    }
  }

  private func write(_ tensors: [OutputTensor], _ format: FormatName) throws -> Checkpoint {
    let folder = try TemporaryFolder()
    let writer = try #require(try CheckpointWriters.writer(for: format))
    try CheckpointWriters.write(
      tensors, to: folder.file("out"), as: writer, overwrite: false, work: Self.work)
    return try Checkpoint(path: folder.file("out"))
  }

  @Test("names nest as deep as they are read, and no deeper", arguments: [FormatName.hdf5, .flax])
  func depth(_ format: FormatName) throws {
    func name(_ parts: Int) -> TensorName {
      TensorName([String](repeating: "a", count: parts).joined(separator: "/"))
    }
    let deepest = name(StructureLimits.depth)
    #expect(try write([zeros(deepest)], format).tensors.map(\.name) == [deepest])
    #expect {
      try write([zeros(name(StructureLimits.depth + 1))], format)
    } throws: {
      "\($0)".contains("would nest deeper")
    }
  }

  @Test("tensors have as many dimensions as are read, and no more")
  func rank() throws {
    for (format, limit) in [(FormatName.hdf5, 32), (.npz, 64), (.torch, 64), (.safetensors, 64)] {
      let shapes = try [limit, limit + 1].map {
        try #require(Shape([Int](repeating: 1, count: $0)))
      }
      #expect(try write([zeros("x", shapes[0])], format).tensors.first?.shape == shapes[0])
      #expect {
        try write([zeros("x", shapes[1])], format)
      } throws: {
        "\($0)".contains("x: it has \(limit + 1) dimensions")
      }
    }
  }

  @Test("writing refuses by itself what the format cannot hold: no call comes before it")
  func prepares() throws {
    let complex = OutputTensor(name: "x", dtype: .complex32, shape: .scalar) { _ in }
    for format in [FormatName.safetensors, .flax] {
      #expect(throws: CheckpointError.self) { try write([complex], format) }
    }
    #expect(throws: CheckpointError.self) { try write([zeros("a"), zeros("b")], .npy) }
    for format in CheckpointWriters.formats where format != .npy {
      #expect(throws: CheckpointError.self) { try write([zeros("a"), zeros("a")], format) }
      let orphan = OutputTensor(name: "b", dtype: .uint8, shape: .scalar, aliasOf: "c") { _ in }
      #expect(throws: CheckpointError.self) { try write([zeros("a"), orphan], format) }
    }
  }
}
