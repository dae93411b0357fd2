import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

@Suite("Zip archives account for every byte of their file")
struct ZipTests {
  private func error(_ bytes: [UInt8]) throws -> String {
    let folder = try TemporaryFolder()
    let path = try folder.write("x", bytes)
    do {
      return "opened: \(try Checkpoint(path: path).entries.map(\.name))"
    } catch {
      return "\(error)"
    }
  }

  /// An npy file of one byte.
  private func npy(_ value: UInt8) throws -> [UInt8] {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }"
    return [0x93] + "NUMPY".utf8 + [1, 0, UInt8(header.utf8.count), 0] + header.utf8 + [value]
  }

  @Test("archives one after the other are refused, the same or of another size")
  func concatenated() throws {
    let first = try fileBytes(fixture("torch/bare.pt"))
    for second in [first, try fileBytes(fixture("torch/views.pt"))] {
      let message = try error(first + second)
      #expect(message.contains("another one begins at byte \(first.count)"), "\(message)")
      #expect(message.contains(".distcp shard"))
    }
  }

  @Test("an entry that the central directory leaves out is not passed over")
  func unlisted() throws {
    let entries = [("a.npy", try npy(1)), ("b.npy", try npy(2)), ("c.npy", try npy(3))]
    #expect(try error(storedZip(entries)) == #"opened: ["a", "b", "c"]"#)
    for name in ["a.npy", "b.npy", "c.npy"] {
      let message = try error(storedZip(entries, unlisted: [name]))
      #expect(!message.contains("opened"), "\(name)")
    }
  }

  @Test("bytes before, between and behind are refused; a comment is none of them")
  func foreignBytes() throws {
    let entries = [("a.npy", try npy(1)), ("b.npy", try npy(2))]
    let archive = storedZip(entries)
    #expect(try error(storedZip(entries, comment: "made by hand")).contains("opened"))
    #expect(try error(archive + [0]).contains("no end of a central directory"))
    // Between the first entry and the second: the directory's offsets no longer fit.
    let second = 30 + 5 + (try npy(1)).count
    let message = try error(archive[..<second] + [0, 0, 0, 0] + archive[second...])
    #expect(!message.contains("opened"), "\(message)")
  }

  @Test("archives written to a stream, with data descriptors, open")
  func streamed() throws {
    let checkpoint = try Checkpoint(path: fixture("numpy/streamed.npz"))
    #expect(checkpoint.tensors.map(\.name) == ["stored", "deflated"])
    for tensor in checkpoint.tensors {
      #expect(try checkpoint.reader.read(tensor) == rampBytes(.float32, count: 6))
    }
  }

  @Test("an entry without .npy is an array where it begins as one, as in NumPy")
  func withoutSuffix() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x", storedZip([("a", try npy(7))], withChecksums: true))
    let checkpoint = try Checkpoint(path: path)
    #expect(checkpoint.tensors.map(\.name) == ["a"])
    #expect(try checkpoint.reader.read(checkpoint.tensors[0]) == [7])
    let mixed = try folder.write("y", storedZip([("a.npy", try npy(7)), ("note", [1, 2])]))
    #expect(
      try Checkpoint(path: mixed).placeholders.map(\.reason) == [
        "2 bytes that are no array: the entry's name lacks .npy, and it does not begin as an npy "
          + "file does"
      ])
  }
}
