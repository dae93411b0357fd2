import CheckpointCore
import TestSupport
import Testing

@testable import CheckpointFormats

@Suite("Flax msgpack files")
struct FlaxTests {
  private func open(_ bytes: [UInt8]) throws -> (Checkpoint, TemporaryFolder) {
    let folder = try TemporaryFolder()
    return (try Checkpoint(path: try folder.write("x", bytes)), folder)
  }

  /// An array as Flax encodes it: extension 1 around [shape, dtype, bytes].
  private func array(_ shape: [UInt8], _ dtype: String, _ data: [UInt8]) -> [UInt8] {
    var payload: [UInt8] = [0x93, 0x90 | UInt8(shape.count)] + shape
    payload += [0xA0 | UInt8(dtype.utf8.count)] + dtype.utf8
    payload += [0xC4, UInt8(data.count)] + data
    return [0xC7, UInt8(payload.count), 1] + payload
  }

  private func map(_ items: [(String, [UInt8])]) -> [UInt8] {
    var bytes: [UInt8] = [0x80 | UInt8(items.count)]
    for (name, value) in items {
      bytes.append(0xA0 | UInt8(name.utf8.count))
      bytes += Array(name.utf8)
      bytes += value
    }
    return bytes
  }

  @Test("hold the same parameters in every form")
  func forms() throws {
    let expected = try Checkpoint(path: fixture("golden/tiny_perturbed_flax.npz"))
    for (file, key) in [
      ("tiny_perturbed_flax.msgpack", "params"),
      ("tiny_perturbed_trainstate_flax.msgpack", "optimizer/target"),
      ("tiny_perturbed_flax.h5", ""),
    ] {
      let checkpoint = try Checkpoint(
        path: fixture("golden/\(file)"),
        selection: EntrySelection(key: key.isEmpty ? nil : TensorName(key)))
      #expect(checkpoint.tensors.count == 69)
      for tensor in expected.tensors {
        let same = try #require(checkpoint.tensors.first { $0.name == tensor.name })
        #expect(same.shape == tensor.shape)
        #expect(try checkpoint.reader.read(same) == expected.reader.read(tensor), "\(tensor.name)")
      }
    }
  }

  @Test("join split arrays in the order of their numbers")
  func chunked() throws {
    let chunks = (0..<12).map { index in
      (String(index), array([1], "uint8", [UInt8(index)]))
    }
    let shuffled = chunks.sorted { $0.0 < $1.0 }
    #expect(shuffled.map(\.0)[2] == "10")
    let bytes = map([
      (
        "a",
        map([
          ("__msgpack_chunked_array__", [0xC3]),
          ("shape", map([("0", [3]), ("1", [4])])),
          ("chunks", map(shuffled)),
        ])
      )
    ])
    let (checkpoint, _) = try open(bytes)
    let tensor = try #require(checkpoint.tensors.first)
    #expect(tensor.shape.dimensions == [3, 4])
    #expect(try checkpoint.reader.read(tensor) == Array(0..<12))
  }

  @Test("list plain values, and arrays without an element type")
  func placeholders() throws {
    let (checkpoint, _) = try open(
      map([
        ("step", [0xCD, 1, 0]), ("none", [0xC0]), ("f", [0xCA, 0x3F, 0x80, 0, 0]),
        ("text", [0xA2, 0x68, 0x69]), ("odd", array([1], "int4", [0])), ("list", [0x92, 1, 2]),
        ("ext", [0xD4, 9, 0]),
      ]))
    #expect(
      checkpoint.placeholders.map { "\($0.name): \($0.reason)" } == [
        "step: int 256", "none: None", "f: float 1.0", "text: str 'hi'",
        "odd: an array of int4, which has no element type here, shape (1,)", "list/0: int 1",
        "list/1: int 2", "ext: extension type 9 of 1 bytes, which Flax does not define",
      ])
    #expect(checkpoint.placeholders.filter { $0.kind == .data }.map(\.name) == ["odd", "ext"])
  }

  @Test(
    "damage is an error",
    arguments: [
      [0x81, 0xA1, 0x61], [0xDE, 0xFF, 0xFF, 0xA1], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF, 0xA1, 0x61],
      [0x81, 0xA1, 0x61, 0xC1], [0x81, 0xA1, 0x61, 0xC9, 0xFF, 0xFF, 0xFF, 0xFF, 1],
      [0x81, 0xA1, 0x61, 0x01, 0x00], [0x81, 0xA1, 0xFF, 0x01],
      [0x81, 0xA1, 0x61, 0xC7, 3, 1, 0x93, 0x90, 0xC0],
    ] as [[UInt8]])
  func damage(_ bytes: [UInt8]) {
    #expect(throws: CheckpointError.self) { try open(bytes) }
  }

  @Test("a size that does not fit its shape is an error, and nesting ends")
  func lies() throws {
    #expect(throws: CheckpointError.self) {
      try open(map([("a", array([2], "float32", [0, 0, 0, 0]))]))
    }
    var deep: [UInt8] = []
    for _ in 0..<1000 { deep += [0x81, 0xA1, 0x61] }
    deep.append(0xC0)
    #expect(throws: CheckpointError.self) { try open(deep) }
  }

  /// A map whose key "a" comes `count` times.
  private func repeated(_ count: Int) -> [UInt8] {
    [0xDF] + withUnsafeBytes(of: UInt32(count).bigEndian) { Array($0) }
      + (0..<count).flatMap { _ in [0xA1, 0x61, 0xC0] as [UInt8] }
  }

  @Test("one key that comes again and again is found in work that grows as the file does")
  func repeatedKey() throws {
    let work = try [1000, 2000, 4000].map { count in
      let (checkpoint, _) = try open(repeated(count))
      #expect(checkpoint.entries.count == count)
      #expect(checkpoint.placeholders.last?.name == "a (\(count))")
      return try #require(checkpoint.reader as? FlaxReader).contents.lookups
    }
    #expect(work[1] <= 2 * work[0] + 10)
    #expect(work[2] <= 2 * work[1] + 10)
  }

  @Test("millions of values that are no tensors are refused")
  func manyValues() throws {
    let count = StructureLimits.entries + 1
    let bytes: [UInt8] =
      [0xDD] + withUnsafeBytes(of: UInt32(count).bigEndian) { Array($0) }
      + [UInt8](repeating: 1, count: count)
    let folder = try TemporaryFolder()
    let path = try folder.write("x", [0x81, 0xA1, 0x61] + bytes)
    #expect {
      try Checkpoint(path: path)
    } throws: {
      "\($0)".contains("more than \(StructureLimits.entries) entries")
    }
  }
}
