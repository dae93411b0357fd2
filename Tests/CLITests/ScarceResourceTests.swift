import Foundation
import TestSupport
import Testing

@Suite("With a small stack or few file descriptors there is an answer or a sentence")
struct ScarceResourceTests {
  private func list(_ path: String, _ limit: String) throws -> CommandResult {
    try runProcess(
      URL(fileURLWithPath: "/bin/sh"), ["-c", "\(limit); exec \"$BIN\" ls \"$FILE\""],
      environment: ["BIN": binary.path, "FILE": path])
  }

  @Test("structures as deep as any are read with a stack of 256 kB", arguments: [100, 101, 4000])
  func smallStack(_ depth: Int) throws {
    let folder = try TemporaryFolder()
    var msgpack: [UInt8] = []
    for _ in 0..<depth { msgpack += [0x81, 0xA1, 0x61] }
    let run = try list(try folder.write("x", msgpack + [0xC0]), "ulimit -s 256")
    #expect(run.status == (depth > 100 ? 2 : 0), "\(run.error)")
    let nested = [UInt8](repeating: 0x5B, count: depth)
    let header = #"{"a":"#.utf8 + nested
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    let json = try list(try folder.write("y", length + header), "ulimit -s 256")
    #expect(json.status == 2)
    #expect(json.error.hasPrefix("savi-ckpt: error: "))
  }

  @Test(
    "of every format, with any number of file descriptors",
    arguments: [
      "golden/tiny_perturbed_torch.pt", "numpy/deflated.npz", "hdf5/dtypes.h5", "hdf5/model.keras",
      "golden/tiny_perturbed_flax.msgpack", "torch/legacy.pt",
    ])
  func fewDescriptors(_ file: String) throws {
    // With three, the system's loader finds no library.
    for count in 4...14 {
      let run = try list(fixture(file), "ulimit -n \(count)")
      let isRefused = run.status == 2 && run.error.contains("Too many open files")
      #expect(run.status == 0 || isRefused, "\(count): \(run.status) \(run.error)")
    }
  }

  private func run(_ arguments: [String], _ limit: String) throws -> CommandResult {
    try runProcess(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", "\(limit); exec \"$0\" \"$@\"", binary.path] + arguments)
  }

  @Test("commands that run no model start no threads of BLAS, and need no memory for them")
  func noThreads() throws {
    let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path
    let run = try run(["hash", sample], "ulimit -v 400000")
    #expect(run.status == 0, "\(run.status) \(run.error)")
  }

  /// A safetensors file with the tensor `name`, four bytes of `value`.
  private func shard(_ name: String, _ value: UInt8) -> [UInt8] {
    let header = Array(#"{"\#(name)":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#.utf8)
    return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
      + [UInt8](repeating: value, count: 4)
  }

  @Test("a checkpoint of 500 files is read with 64 file descriptors")
  func manyShards() throws {
    let folder = try TemporaryFolder()
    let names = (0..<500).map { "t\($0)" }
    for (number, name) in names.enumerated() {
      _ = try folder.write("\(name).safetensors", shard(name, UInt8(number % 251)))
    }
    let map = names.map { #""\#($0)":"\#($0).safetensors""# }.joined(separator: ",")
    let index = try folder.write(
      "model.safetensors.index.json", Array(#"{"weight_map":{\#(map)}}"#.utf8))
    let copy = folder.file("copy.safetensors")
    let limit = "ulimit -n 64"
    let conversion = try run(["convert", index, "--map", "none", "-o", copy], limit)
    #expect(conversion.status == 0, "\(conversion.error)")
    let comparison = try run(["diff", index, copy], limit)
    #expect(comparison.status == 0, "\(comparison.output) \(comparison.error)")
  }

  @Test("a tensor larger than the memory there may be is a sentence")
  func memory() throws {
    let folder = try TemporaryFolder()
    // 1 GiB of zeros that take no room on the disk.
    let header = Array(
      #"{"k":{"dtype":"F32","shape":[16384,16384],"data_offsets":[0,1073741824]}}"#.utf8)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    let file = try folder.write("k.safetensors", length + header)
    let handle = try #require(FileHandle(forWritingAtPath: file))
    try handle.truncate(atOffset: UInt64(8 + header.count + (1 << 30)))
    let run = try run(
      ["convert", file, "--map", fixture("models/chunked_4x3.json"), "-o", folder.file("out.npz")],
      "ulimit -v 900000")
    #expect(run.status == 2, "\(run.status) \(run.error)")
    #expect(run.error.contains("bytes of memory are needed"), "\(run.error)")
    #expect(try folder.contents() == ["k.safetensors"])
  }
}
