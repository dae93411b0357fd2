import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

@Suite("Damaged files end in an error, never in a crash")
struct HostileFileTests {
  private static let files = [
    "golden/tiny_perturbed_torch.pt", "golden/tiny_perturbed_flax.npz", "numpy/deflated.npz",
    "numpy/layouts.npz", "torch/views.pt", "numpy/single.npy",
  ]

  /// A tensor without its name.
  private struct Content: Hashable {
    let dtype: DType
    let shape: Shape
    let elements: [UInt8]
  }

  /// Everything in the file; `nil` where it, or one of its tensors, is refused.
  private func readAll(_ path: String) throws -> Set<Content>? {
    do {
      let checkpoint = try Checkpoint(path: path)
      return Set(
        try checkpoint.tensors.map {
          Content(dtype: $0.dtype, shape: $0.shape, elements: try checkpoint.reader.read($0))
        })
    } catch is CheckpointError {
      return nil
    }
  }

  @Test("truncated anywhere", arguments: files)
  func truncation(_ file: String) throws {
    let folder = try TemporaryFolder()
    let bytes = try fileBytes(fixture(file))
    var survivors = 0
    for length in stride(from: 0, to: bytes.count - 1, by: max(1, bytes.count / 150)) {
      if try readAll(try folder.write("x", Array(bytes[..<length]))) != nil { survivors += 1 }
    }
    #expect(survivors == 0)
  }

  /// A zip's checksums cover the tensors and what describes them, but no names: what is read of a
  /// changed file, under whatever names, is in the original.
  @Test("with any byte changed, never read as other tensors", arguments: files)
  func corruption(_ file: String) throws {
    let folder = try TemporaryFolder()
    let original = try fileBytes(fixture(file))
    let hasChecksums = !file.hasSuffix(".npy")
    let contents = try #require(try readAll(fixture(file)))
    var state: UInt64 = 7
    func random(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    var refused = 0
    for _ in 0..<200 {
      var bytes = original
      for _ in 0...random(3) { bytes[random(bytes.count)] = UInt8(random(256)) }
      if let read = try readAll(try folder.write("x", bytes)) {
        #expect(!hasChecksums || read.isSubset(of: contents))
      } else {
        refused += 1
      }
    }
    // Most bytes of these files are structure or covered by a checksum.
    #expect(refused > 100)
  }

  @Test(
    "what people hand over by mistake gets one plain sentence",
    arguments: [
      ("", "this file is empty"),
      ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git-LFS pointer"),
      ("  <!DOCTYPE html><html>", "HTML page"),
      ("\u{1F}\u{8B}", "compressed with gzip"),
      ("BZh91AY", "compressed with bzip2"),
      ("hello, world", "the format of this file is not known"),
      ("\u{8}\u{8}\u{12}\u{7}pytorch", "an ONNX model, which is not read"),
      ("module @jit_f {\n", "StableHLO"),
      ("ML\u{EF}R1", "StableHLO"),
      ("\u{1C}\u{0}\u{0}\u{0}TFL3", "a TensorFlow Lite model"),
      (
        String(repeating: " ", count: 40) + "\u{57}\u{FB}\u{80}\u{8B}\u{24}\u{75}\u{47}\u{DB}",
        "the index of a TensorFlow checkpoint"
      ),
      ("GGUF0000", "GGUF version 808464432 is not known"),
    ])
  func mistakes(_ content: String, _ message: String) throws {
    let folder = try TemporaryFolder()
    let bytes = content.unicodeScalars.map { UInt8($0.value) }
    let path = try folder.write("model.pt", bytes)
    #expect {
      try Checkpoint(path: path)
    } throws: {
      "\($0)".hasPrefix(path) && "\($0)".contains(message)
    }
  }

  @Test("a zip of neither kind, and one with a name twice")
  func zips() throws {
    let folder = try TemporaryFolder()
    let other = try folder.write("a.zip", storedZip([("readme.txt", [1])]))
    #expect {
      try Checkpoint(path: other)
    } throws: {
      "\($0)".contains("neither .npy arrays nor a PyTorch data.pkl, but readme.txt")
    }
    let twice = try folder.write("b.zip", storedZip([("x.npy", [1]), ("x.npy", [2])]))
    #expect {
      try Checkpoint(path: twice)
    } throws: {
      "\($0)".contains("x.npy: two entries")
    }
  }

  @Test("a format that was asked for and is not there")
  func wrongFormat() throws {
    for format in [FormatName.torch, .npz] {
      #expect(throws: CheckpointError.self) {
        try Checkpoint(path: fixture("numpy/single.npy"), options: ReadOptions(format: format))
      }
    }
  }
}
