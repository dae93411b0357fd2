import Bytes
import CheckpointCore
import TestSupport
import Testing

@testable import CheckpointFormats

@Suite("Listing takes work in proportion to the number of tensors")
struct ListingWorkTests {
  private func lookups(_ path: String, tensors: Int) throws -> Int {
    let checkpoint = try Checkpoint(path: path)
    #expect(checkpoint.tensors.count == tensors)
    return try #require(checkpoint.reader as? any StoredCheckpointReader).contents.lookups
  }

  private func check(_ path: (Int) throws -> String) throws {
    // One look-up each, whether the name is new, and a few for what else a file says.
    for count in [250, 500, 1000] {
      #expect(try lookups(try path(count), tensors: count) <= count + 3)
    }
  }

  @Test(arguments: [FormatName.safetensors, .torch, .flax, .npz])
  func files(_ format: FormatName) throws {
    let folder = try TemporaryFolder()
    let writer = try #require(try CheckpointWriters.writer(for: format))
    try check { count in
      let tensors = (0..<count).map { number in
        OutputTensor(name: "layers/\(number)/kernel", dtype: .uint8, shape: .scalar) {
          try $0(0, ([7] as [UInt8]).span)
        }
      }
      let path = folder.file("\(count)")
      try CheckpointWriters.write(
        tensors, to: path, as: writer, overwrite: false,
        work: WorkLimits(threads: 1, memory: 1 << 20))
      return path
    }
  }

  @Test("of an Orbax database")
  func database() throws {
    let metadata = Array(
      #"{"zarr_format":2,"shape":[1],"chunks":[1],"dtype":"|u1","order":"C","compressor":null}"#
        .utf8)
    let folder = try TemporaryFolder()
    try check { count in
      let leaf = OCDBTEncoding.leaf(
        (0..<count).flatMap { number in
          [("\(1000 + number)/.zarray", metadata), ("\(1000 + number)/0", [7])]
        })
      let path = folder.file("\(count)")
      try Folder.create(path)
      _ = try folder.write(
        "\(count)/manifest.ocdbt",
        OCDBTEncoding.manifest(
          height: 0, OCDBTEncoding.table("d"), offset: 0, length: leaf.count))
      _ = try folder.write("\(count)/d", leaf)
      return path
    }
  }
}
