import CheckpointCore
import CheckpointFormats
import Foundation
import TestSupport
import Testing

/// A copy of a folder of fixtures, to be damaged.
private func copy(_ name: String) throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  for file in try FileManager.default.contentsOfDirectory(atPath: fixture(name)) {
    _ = try folder.write(file, try fileBytes(fixture("\(name)/\(file)")))
  }
  return folder
}

private func ramp(_ checkpoint: Checkpoint, _ name: TensorName) throws -> [Float] {
  let tensor = try #require(checkpoint.tensors.first { $0.name == name })
  return try checkpoint.reader.read(tensor).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
}

/// Distributed checkpoints that two processes wrote (make_dcp_fixtures.py).
@Suite("PyTorch distributed checkpoints")
struct DCPTests {
  @Test("parts become whole, and objects are listed with what they are")
  func whole() throws {
    let checkpoint = try Checkpoint(path: fixture("dcp/two"))
    #expect(checkpoint.reader.formatDescription == "PyTorch distributed checkpoint, 2 files")
    #expect(
      Set(checkpoint.tensors.map { "\($0.name) \($0.shape)" })
        == ["model.rows (3, 2)", "model.columns (2, 5)", "model.both (2,)"])
    #expect(
      Set(checkpoint.placeholders.map { "\($0.name): \($0.reason)" })
        == ["epoch: int 7", "config.lr: list of 2"])
    for (name, count) in [("model.rows", 6), ("model.columns", 10), ("model.both", 2)] {
      #expect(try ramp(checkpoint, TensorName(name)) == (0..<count).map(Float.init))
    }
  }

  @Test("any run of elements can be read, across parts")
  func runs() throws {
    let checkpoint = try Checkpoint(path: fixture("dcp/two"))
    for tensor in checkpoint.tensors {
      let all = try checkpoint.reader.read(tensor)
      for start in 0..<tensor.shape.count {
        for end in start...tensor.shape.count {
          let part = try checkpoint.reader.read(tensor, elements: start..<end)
          #expect(part == Array(all[4 * start..<4 * end]), "\(tensor.name) \(start)..<\(end)")
        }
      }
    }
  }

  @Test("the safetensors files of several processes are one checkpoint")
  func hub() throws {
    let checkpoint = try Checkpoint(path: fixture("dcp/hub"))
    #expect(try ramp(checkpoint, "rows") == (0..<6).map(Float.init))
    #expect(try ramp(checkpoint, "columns") == (0..<10).map(Float.init))
  }

  @Test(
    "what processes wrote each for itself is joined; the second object of a name is told apart",
    arguments: ["dcp/ranks", "dcp/ranks/__1.metadata"])
  func ranks(_ name: String) throws {
    let checkpoint = try Checkpoint(path: fixture(name))
    #expect(
      checkpoint.tensors.map { "\($0.name) \($0.shape)" }
        == ["model.rows (3, 2)", "model.columns (2, 5)", "model.both (2,)"])
    for (name, count) in [("model.rows", 6), ("model.columns", 10), ("model.both", 2)] {
      #expect(try ramp(checkpoint, TensorName(name)) == (0..<count).map(Float.init))
    }
    #expect(
      checkpoint.placeholders.map { "\($0.name): \($0.reason)" }
        == ["epoch: int 7", "epoch (rank 1): int 8"])
  }

  @Test("a process whose data or metadata is missing is named")
  func missingRank() throws {
    for (file, message) in [
      ("__1.metadata", "__1_0.distcp is here, but not __1.metadata, which says what is in it"),
      ("__1_0.distcp", "1 of the 2 files that the metadata names is missing: __1_0.distcp"),
    ] {
      let folder = try copy("dcp/ranks")
      try FileManager.default.removeItem(atPath: folder.file(file))
      #expect {
        try Checkpoint(path: folder.path)
      } throws: {
        "\($0)".contains(message)
      }
    }
  }

  @Test("named by its metadata it is the same, and by one of its files it is refused")
  func named() throws {
    #expect(try Checkpoint(path: fixture("dcp/two/.metadata")).tensors.count == 3)
    #expect {
      try Checkpoint(path: fixture("dcp/two/__0_0.distcp"))
    } throws: {
      "\($0)".hasSuffix("dcp/two; name the folder")
    }
  }

  @Test("each damage is said: a file missing, cut, grown, or of another checkpoint; no metadata")
  func damage() throws {
    func message(_ change: (TemporaryFolder) throws -> Void) throws -> String {
      let folder = try copy("dcp/two")
      try change(folder)
      do {
        let checkpoint = try Checkpoint(path: folder.path)
        for tensor in checkpoint.tensors { _ = try checkpoint.reader.read(tensor) }
        return "read"
      } catch {
        return "\(error)"
      }
    }
    let second = try fileBytes(fixture("dcp/two/__1_0.distcp"))
    #expect(
      try message { try FileManager.default.removeItem(atPath: $0.file("__1_0.distcp")) }
        .contains("1 of the 2 files that the metadata names is missing: __1_0.distcp"))
    #expect(
      try message { _ = try $0.write("__1_0.distcp", second.dropLast(1)) }
        .contains("its entries take \(second.count) bytes, and it has \(second.count - 1)"))
    #expect(
      try message { _ = try $0.write("__1_0.distcp", second + [0]) }
        .contains("1 bytes behind its last entry belong to none"))
    #expect(
      try message { folder in
        let first = try fileBytes(fixture("dcp/two/__0_0.distcp"))
        _ = try folder.write("__1_0.distcp", first + second.dropFirst(first.count))
      }.hasSuffix("fetch or save it again"))
    #expect(
      try message { try FileManager.default.removeItem(atPath: $0.file(".metadata")) }
        .contains(".metadata: cannot open this file: No such file or directory"))
  }

  @Test("no byte of the metadata can be changed to read other elements or to crash")
  func flips() throws {
    let folder = try copy("dcp/two")
    let bytes = try fileBytes(folder.file(".metadata"))
    for position in bytes.indices {
      var damaged = bytes
      damaged[position] ^= 0x11
      _ = try folder.write(".metadata", damaged)
      guard let checkpoint = try? Checkpoint(path: folder.path) else { continue }
      for tensor in checkpoint.tensors {
        guard let values = try? checkpoint.reader.read(tensor), tensor.dtype == .float32 else {
          continue
        }
        #expect(
          values.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            == (0..<tensor.shape.count).map(Float.init), "byte \(position)")
      }
    }
  }

  @Test("a path in the metadata that leads out of the folder is refused")
  func outside() throws {
    let folder = try copy("dcp/two")
    let metadata = try fileBytes(folder.file(".metadata"))
    let name = Array("__1_0.distcp".utf8)
    let place = try #require(
      metadata.indices.first { metadata[$0...].starts(with: name) })
    _ = try folder.write(
      ".metadata",
      metadata[..<place] + Array("../x.distcp".utf8) + [0x2F] + metadata[(place + 12)...])
    #expect(throws: CheckpointError.self) { try Checkpoint(path: folder.path) }
  }
}
