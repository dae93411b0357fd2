import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

@Suite("PyTorch files before 1.6")
struct LegacyTorchTests {
  private func le<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private func text(_ value: String) -> [UInt8] { [0x8C, UInt8(value.utf8.count)] + value.utf8 }
  private func pickle(_ body: [UInt8]) -> [UInt8] { [0x80, 2] + body + [0x2E] }

  private func member(_ name: String, _ data: [UInt8]) -> [UInt8] {
    func field(_ value: [UInt8], _ size: Int) -> [UInt8] {
      value + [UInt8](repeating: 0, count: size - value.count)
    }
    var header = field(Array(name.utf8), 100) + field([], 24)
    header += field(Array(String(data.count, radix: 8).utf8), 12)
    header = field(field(header, 257) + "ustar".utf8, 512)
    return header + field(data, (data.count + 511) / 512 * 512)
  }

  /// `{"w": tensor}` of six float32, as PyTorch 0.1 saved it, with a storage that claims `count`.
  private func tar(count: Int = 6) -> [UInt8] {
    let one = pickle([0x4B, 1])
    let storages =
      one + pickle(text("s") + text("cpu") + "ctorch\nFloatStorage\n".utf8 + [0x87])
      + le(count) + rampBytes(.float32, count: 6) + pickle([0x5D])
    let tensors =
      one + pickle(text("t") + text("s") + "ctorch\nFloatTensor\n".utf8 + [0x87])
      + le(Int32(1)) + [0, 0, 0, 0] + le(6) + le(1) + le(0)
    let object = pickle([0x7D] + text("w") + text("t") + [0x51, 0x73])
    return member("sys_info", pickle([0x7D])) + member("storages", storages)
      + member("tensors", tensors) + member("pickle", object) + [UInt8](repeating: 0, count: 1024)
  }

  private func open(_ bytes: [UInt8]) throws -> Checkpoint {
    let folder = try TemporaryFolder()
    return try Checkpoint(path: try folder.write("x", bytes))
  }

  @Test("a tar archive's tensors are read")
  func tarArchive() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Checkpoint(path: try folder.write("x", tar()))
    let tensor = try #require(checkpoint.tensors.first)
    #expect(tensor.name == "w")
    #expect(try checkpoint.reader.read(tensor) == rampBytes(.float32, count: 6))
  }

  @Test(
    "a storage that reaches beyond its tar member is an error",
    arguments: [7, 12, 100, 400, 1 << 40, -1, .min])
  func storageBeyondMember(_ count: Int) {
    #expect(throws: CheckpointError.self) { try open(tar(count: count)) }
  }

  @Test("a second checkpoint in the file is refused, not passed over")
  func twoInOne() throws {
    let legacy = try fileBytes(fixture("torch/legacy.pt"))
    for (bytes, message) in [
      (tar() + tar(), "something follows the end of this tar archive"),
      (legacy + legacy, "\(legacy.count) bytes follow the last storage"),
    ] {
      #expect {
        try open(bytes)
      } throws: {
        "\($0)".contains(message)
      }
    }
  }
}
