import Bytes
import CheckpointCore
import CheckpointFormats
import Foundation
import TestSupport
import Testing

@Suite("HDF5 files")
struct HDF5Tests {
  private func open(_ name: String) throws -> Checkpoint {
    try Checkpoint(path: fixture("hdf5/\(name)"))
  }

  @Test("read every dtype bit for bit, of both byte orders, in groups")
  func dtypes() throws {
    let checkpoint = try open("dtypes.h5")
    #expect(checkpoint.tensors.count == 14 + 13 + 3)
    for tensor in checkpoint.tensors {
      #expect(
        try checkpoint.reader.read(tensor) == rampBytes(tensor.dtype, count: tensor.shape.count),
        "\(tensor.name)")
    }
  }

  @Test(
    "read chunks with filters in any order, whole and in slices, plain or in a Keras archive",
    arguments: ["chunked.h5", "model.keras"])
  func chunks(_ file: String) throws {
    let checkpoint = try open(file)
    let all = rampBytes(.float32, count: 23 * 17)
    for tensor in checkpoint.tensors where tensor.name != "never_written_7" {
      #expect(try checkpoint.reader.read(tensor) == all, "\(tensor.name)")
      #expect(
        try checkpoint.reader.read(tensor, elements: 100..<200) == Array(all[400..<800]),
        "\(tensor.name)")
    }
    let fill = try #require(checkpoint.tensors.first { $0.name == "never_written_7" })
    let seven = try checkpoint.reader.read(fill)
    let element: [UInt8] = [0, 0, 0xE0, 0x40]
    #expect(seven == Array([element, element, element, element, element, element].joined()))
    #expect(checkpoint.placeholders.map(\.name) == (file == "model.keras" ? ["config.json"] : []))
  }

  @Test("read LZF and scale-offset chunks, of integers and floats")
  func packed() throws {
    let checkpoint = try open("packed.h5")
    for tensor in checkpoint.tensors {
      let wanted =
        tensor.name == "equal"
        ? (0..<tensor.shape.count).flatMap { _ in [5, 0, 0, 0, 0, 0, 0, 0] as [UInt8] }
        : rampBytes(tensor.dtype, count: tensor.shape.count)
      #expect(try checkpoint.reader.read(tensor) == wanted, "\(tensor.name)")
    }
    #expect(checkpoint.tensors.count == 11 && checkpoint.placeholders.isEmpty)
  }

  @Test("never follow what points elsewhere, and end in cycles")
  func elsewhere() throws {
    let checkpoint = try open("elsewhere.h5")
    #expect(checkpoint.tensors.map(\.name) == ["alias", "group/x", "lzf"])
    #expect(checkpoint.tensors[0].storage == checkpoint.tensors[1].storage)
    let reasons = Dictionary(
      uniqueKeysWithValues: checkpoint.placeholders.map { ($0.name, $0.reason) })
    #expect(reasons["link"] == "a link into another file, which is never followed")
    #expect(reasons["virtual"] == "a virtual dataset: its data is in other files, never followed")
    #expect(reasons["external"] == "external storage: its data is in other files, never followed")
    #expect(reasons["dangling"] == "a link that leads nowhere")
    #expect(reasons["group/up"] == "a link back to a group that contains it")
    #expect(reasons["null"]?.contains("null dataspace") == true)
  }

  @Test("chunks that were never written are the fill value, beside others that were")
  func partial() throws {
    let checkpoint = try open("partial.h5")
    let tensor = try #require(checkpoint.tensors.first)
    let one: [UInt8] = [0, 0, 0x80, 0x3F]
    let seven: [UInt8] = [0, 0, 0xE0, 0x40]
    var expected: [UInt8] = []
    for row in 0..<6 {
      for column in 0..<8 { expected += row % 2 == 0 && column < 2 ? one : seven }
    }
    #expect(try checkpoint.reader.read(tensor) == expected)
  }

  @Test("a group's further links give its tensors further names")
  func groupLinks() throws {
    let checkpoint = try open("links.h5")
    #expect(checkpoint.tensors.map(\.name) == ["group/inner/w", "second/inner/w", "third/w"])
    #expect(Set(checkpoint.tensors.map(\.storage)).count == 1)
    #expect(checkpoint.placeholders.isEmpty)
    for tensor in checkpoint.tensors {
      #expect(try checkpoint.reader.read(tensor) == rampBytes(.float32, count: 6))
    }
  }

  @Test("a damaged file that keeps libhdf5 busy ends in one sentence")
  func busy() throws {
    let run = try runCommand(["ls", fixture("hdf5/slow_virtual.h5")])
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.error.contains("libhdf5 did not come to an end"), "\(run.error)")
    #expect(run.error.split(separator: "\n").count == 1)
  }

  @Test("a file that is being written is said to be that, not damaged")
  func beingWritten() throws {
    #expect {
      try open("unclosed.h5")
    } throws: {
      "\($0)".contains("marked as open for writing") && !"\($0)".contains("damaged")
    }
    let folder = try TemporaryFolder()
    let path = try folder.write("x.h5", try fileBytes(fixture("hdf5/dtypes.h5")))
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    #expect(flock(handle.fileDescriptor, LOCK_EX) == 0)
    let run = try runCommand(["ls", path])
    #expect(run.status == 2)
    #expect(run.error.contains("another process has this HDF5 file open for writing"))
    #expect(!run.error.contains("damaged"))
    #expect(flock(handle.fileDescriptor, LOCK_UN) == 0)
    #expect(try runCommand(["ls", path]).status == 0)
  }

  @Test("list a Keras model's weights in its own order")
  func keras() throws {
    let checkpoint = try open("keras.h5")
    #expect(
      checkpoint.entries.map(\.name) == [
        "@keras_version", "zeta/zeta/kernel:0", "zeta/zeta/bias:0", "alpha/alpha/kernel:0",
        "alpha/alpha/bias:0",
      ])
  }

  @Test("a chunk whose checksum is wrong is an error")
  func checksum() throws {
    let folder = try TemporaryFolder()
    let original = try fileBytes(fixture("hdf5/chunked.h5"))
    let listing = try open("chunked.h5")
    let sum = try #require(listing.tensors.first { $0.name == "sum" })
    // The ramp's first chunk of 3 × 3, found by its first row of a fletcher32 dataset.
    let row = Array(rampBytes(.float32, count: 3))
    let places = original.indices.dropLast(12).filter { Array(original[$0..<$0 + 12]) == row }
    var failed = 0
    for place in places {
      var bytes = original
      bytes[place + 1] ^= 0x40
      let damaged = try Checkpoint(path: try folder.write("x.h5", bytes))
      do {
        _ = try damaged.reader.read(sum)
      } catch let error as CheckpointError {
        #expect("\(error)".contains("Fletcher-32"))
        failed += 1
      }
    }
    #expect(failed == 1)
  }

  @Test("damaged files are read or refused in one line, whatever libhdf5 does with them")
  func hostile() throws {
    let folder = try TemporaryFolder()
    let original = try fileBytes(fixture("hdf5/chunked.h5"))
    var state: UInt64 = 11
    func random(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    var refused = 0
    for round in 0..<60 {
      var bytes = original
      // The structure is in the first kilobytes; the superblock's signature stays.
      for _ in 0...random(4) { bytes[8 + random(min(4096, bytes.count - 8))] = UInt8(random(256)) }
      if round % 6 == 0 { bytes.removeLast(random(bytes.count - 8)) }
      // The real binary: a crash of the process that describes the file is not one of the tool.
      let path = try folder.write("x.h5", bytes)
      let run = try runCommand(["hash", path])
      #expect(run.status == 0 || run.status == 2, "round \(round): \(run.status) \(run.error)")
      guard run.status == 2 else { continue }
      refused += 1
      #expect(run.output == "")
      #expect(run.error.hasPrefix("savi-ckpt: error: \(path): "), "\(run.error)")
      #expect(run.error.split(separator: "\n").count == 1, "\(run.error)")
    }
    // Of the bytes that are changed most describe something.
    #expect(refused >= 10)
  }
}
