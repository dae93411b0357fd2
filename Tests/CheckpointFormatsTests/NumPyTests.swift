import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

@Suite("NumPy files")
struct NumPyTests {
  private func expectRamps(_ file: String, _ options: ReadOptions = ReadOptions()) throws -> Int {
    let checkpoint = try Checkpoint(path: fixture(file), options: options)
    for tensor in checkpoint.tensors {
      #expect(
        try checkpoint.reader.read(tensor) == rampBytes(tensor.dtype, count: tensor.shape.count),
        "\(file): \(tensor.name)")
    }
    return checkpoint.tensors.count
  }

  @Test(
    "read every dtype bit for bit: stored, deflated and big-endian",
    arguments: ["numpy/dtypes.npz", "numpy/deflated.npz", "numpy/big_endian.npz"])
  func dtypes(_ file: String) throws {
    #expect(try expectRamps(file) == 14)
    let names = try Checkpoint(path: fixture(file)).tensors.map { ($0.name.text, $0.dtype.name) }
    #expect(names.allSatisfy { $0 == $1 })
  }

  @Test("read Fortran order, nested names, scalars and arrays without elements")
  func layouts() throws {
    #expect(try expectRamps("numpy/layouts.npz") == 6)
    let shapes = try Checkpoint(path: fixture("numpy/layouts.npz")).tensors.map {
      "\($0.name) \($0.shape)"
    }
    #expect(
      shapes == [
        "fortran (3, 4)", "fortran_3d (2, 3, 4)", "fortran_big_endian (3, 4)", "scalar ()",
        "empty (3, 0, 2)", "a/nested/name (2, 3)",
      ])
  }

  @Test("read headers of every version, key order and quoting")
  func headers() throws {
    #expect(try expectRamps("numpy/headers.npz") == 7)
    #expect(try expectRamps("numpy/single.npy") == 1)
    #expect(try Checkpoint(path: fixture("numpy/single.npy")).tensors[0].name == "")
  }

  @Test("list raw bytes as placeholders until their type is named")
  func rawTypes() throws {
    let plain = try Checkpoint(path: fixture("numpy/void.npz"))
    #expect(plain.tensors.isEmpty)
    #expect(plain.placeholders.map(\.kind) == [.data, .data])
    let named = ReadOptions(rawTypes: [1: .float8_e4m3fn, 2: .bfloat16])
    #expect(try expectRamps("numpy/void.npz", named) == 2)
  }

  @Test("list what has no element type as placeholders with the reason")
  func placeholders() throws {
    let checkpoint = try Checkpoint(path: fixture("numpy/placeholders.npz"))
    #expect(checkpoint.tensors.map(\.name) == ["numbers"])
    let reasons = checkpoint.placeholders.map { "\($0.name): \($0.reason)" }
    #expect(
      reasons == [
        "objects: an object array (2,) of plain values",
        "text: an array of strings (<U2), shape (2,)",
        "raw_text: an array of byte strings (|S2), shape (2,)",
        "dates: an array of dates or times (<M8[D]), shape (1,)",
        "records: a structured array of 2 fields, shape (2,)",
        "long_double: <f16: extended precision has no portable layout, shape (2,)",
      ])
    let mixed = try Checkpoint(path: fixture("numpy/not_npy.npz"))
    #expect(mixed.placeholders.map(\.name) == ["readme.txt"])
    #expect(mixed.tensors.map(\.name) == ["x"])
    #expect(try Checkpoint(path: fixture("numpy/none.npz")).entries.isEmpty)
  }

  @Test("read a slice without the rest")
  func slices() throws {
    let checkpoint = try Checkpoint(path: fixture("numpy/layouts.npz"))
    for name: TensorName in ["fortran", "a/nested/name"] {
      let tensor = try #require(checkpoint.tensors.first { $0.name == name })
      let all = rampBytes(.float32, count: tensor.shape.count)
      #expect(try checkpoint.reader.read(tensor, elements: 2..<5) == Array(all[8..<20]))
      #expect(try checkpoint.reader.read(tensor, elements: 3..<3) == [])
      #expect(throws: CheckpointError.self) {
        try checkpoint.reader.read(tensor, elements: 0..<tensor.shape.count + 1)
      }
    }
  }

  @Test("a wrong CRC is an error that names the entry")
  func checksum() throws {
    let folder = try TemporaryFolder()
    var bytes = try fileBytes(fixture("numpy/dtypes.npz"))
    let checkpoint = try Checkpoint(path: fixture("numpy/dtypes.npz"))
    let tensor = try #require(checkpoint.tensors.first { $0.name == "float32" })
    let offset = try #require(tensor.storage?.fileOffset) + 128
    bytes[offset] ^= 1
    let damaged = try Checkpoint(path: try folder.write("x.npz", bytes))
    let target = try #require(damaged.tensors.first { $0.name == "float32" })
    #expect {
      try damaged.reader.read(target)
    } throws: {
      "\($0)".contains("float32") && "\($0)".contains("CRC-32")
    }
  }

  @Test(
    "headers that lie are errors, not allocations",
    arguments: [
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", "sizes"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1152921504606846976,), }", "follow"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }", "follow its header"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,), }", "sizes"),
      ("{'descr': '<f4', 'shape': (6,), }", "should hold"),
      ("{'descr': '<f4', 'fortran_order': 0, 'shape': (6,), }", "should hold"),
      ("{'descr': '<f4', 'descr': '<f4', 'shape': (6,), }", "a new key"),
      ("[]", "should hold"),
      ("__import__('os')", "a value expected"),
      (String(repeating: "(", count: 1000), "less nesting"),
    ])
  func lies(_ header: String, _ message: String) throws {
    let folder = try TemporaryFolder()
    var bytes: [UInt8] = [0x93] + "NUMPY".utf8 + [1, 0]
    bytes += [UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)]
    bytes += Array(header.utf8) + rampBytes(.float32, count: 6)
    let path = try folder.write("x.npy", bytes)
    #expect {
      try Checkpoint(path: path)
    } throws: {
      "\($0)".contains(message)
    }
  }
}
