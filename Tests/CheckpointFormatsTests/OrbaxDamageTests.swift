import CheckpointCore
import CheckpointFormats
import Foundation
import TestSupport
import Testing

/// A copy of a fixture to be damaged.
private final class Copy {
  private let folder: TemporaryFolder
  let path: String

  init(_ name: String) throws {
    folder = try TemporaryFolder()
    path = folder.file(name)
    try FileManager.default.copyItem(atPath: fixture("orbax/\(name)"), toPath: path)
  }

  func change(_ file: String, _ body: (inout [UInt8]) -> Void) throws {
    var bytes = try fileBytes("\(path)/\(file)")
    body(&bytes)
    try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(file)"))
  }

  func replace(_ file: String, _ text: String, with other: String) throws {
    let before = try String(contentsOfFile: "\(path)/\(file)", encoding: .utf8)
    let after = before.replacingOccurrences(of: text, with: other)
    #expect(before != after)
    try after.write(toFile: "\(path)/\(file)", atomically: true, encoding: .utf8)
  }

  func remove(_ file: String) throws {
    try FileManager.default.removeItem(atPath: "\(path)/\(file)")
  }

  /// The data files of a folder, by their size.
  func dataFiles(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)").map {
      "\(folder)/\($0)"
    }.sorted { try fileBytes("\(path)/\($0)").count < fileBytes("\(path)/\($1)").count }
  }

  /// What the real binary says when it is to convert the folder: one line, and nothing is written.
  func refusal() throws -> String {
    let output = folder.file("out.safetensors")
    let run = try runCommand(["convert", path, "--map", "none", "-o", output])
    #expect(run.status == 2, "\(run.output)\(run.error)")
    #expect(!FileManager.default.fileExists(atPath: output))
    let lines = run.error.split(separator: "\n").filter { $0.contains("error: ") }
    #expect(lines.count == 1)
    return String(lines.first ?? "")
  }
}

@Suite("Damaged Orbax folders, by the real binary")
struct OrbaxDamageTests {
  @Test("a missing data file is named")
  func missingDataFile() throws {
    let copy = try Copy("ocdbt")
    let file = try #require(try copy.dataFiles("d").first)
    try copy.remove(file)
    #expect(try copy.refusal().contains("\(file): cannot open this file: No such file"))
  }

  @Test("a truncated data file is named, with what it should hold")
  func truncatedDataFile() throws {
    let copy = try Copy("ocdbt")
    let file = try #require(try copy.dataFiles("d").first)
    try copy.change(file) { $0.removeLast() }
    #expect(try copy.refusal().contains("are referred to, the file has"))
  }

  @Test("a truncated manifest is named")
  func truncatedManifest() throws {
    let copy = try Copy("ocdbt")
    try copy.change("manifest.ocdbt") { $0.removeLast(20) }
    let refusal = try copy.refusal()
    #expect(refusal.contains("manifest.ocdbt: the manifest: it says it has"), "\(refusal)")
  }

  @Test("a flipped byte anywhere in a manifest is found", arguments: 0..<12)
  func flippedManifest(_ twelfth: Int) throws {
    let copy = try Copy("ocdbt")
    try copy.change("manifest.ocdbt") { $0[twelfth * ($0.count - 1) / 11] ^= 0x10 }
    #expect(try copy.refusal().contains("manifest.ocdbt: the manifest: "))
  }

  @Test("a flipped byte in a tree node is found by its checksum")
  func flippedNode() throws {
    let copy = try Copy("ocdbt")
    let file = try #require(try copy.dataFiles("d").first)
    try copy.change(file) { $0[$0.count / 2] ^= 1 }
    #expect(try copy.refusal().contains("a tree node: its CRC-32C is 0x"))
  }

  @Test("a flipped byte in the index of a shard, or in a checked chunk, is found by its checksum")
  func flippedChunk() throws {
    for (file, byte) in [("shards/c/0/0", 3), ("checksum/c/1/1", 5)] {
      let copy = try Copy("zarr")
      try copy.change(file) { $0[byte] ^= 1 }
      let name = file.prefix { $0 != "/" }
      let run = try runCommand(["hash", copy.path, "--include", String(name)])
      #expect(run.status == 2)
      #expect(run.error.contains("\(name): a chunk's CRC-32C is 0x"), "\(run.error)")
    }
  }

  @Test("a chunk that does not unpack is named with its tensor")
  func damagedFrame() throws {
    let copy = try Copy("folders")
    try copy.change("params.dense.kernel/0.0") { $0[4] ^= 0xFF }
    let refusal = try copy.refusal()
    #expect(refusal.contains("params/dense/kernel: a chunk does not unpack"), "\(refusal)")
  }

  @Test("a chunk that is not there is lost, where the writer left none out")
  func missingChunk() throws {
    let copy = try Copy("folders")
    try copy.remove("params.dense.kernel/0.0")
    let refusal = try copy.refusal()
    #expect(
      refusal.contains(
        "params/dense/kernel: its chunk 'params.dense.kernel/0.0' is missing"), "\(refusal)")
  }

  @Test("an array that the tree names and the store does not have is named")
  func missingArray() throws {
    let copy = try Copy("folders")
    try copy.remove("params.dense.kernel")
    let refusal = try copy.refusal()
    #expect(
      refusal.contains("the tree has it, but no array 'params.dense.kernel' is stored"),
      "\(refusal)")
  }

  @Test("shapes that contradict the chunks are errors")
  func contradictoryShapes() throws {
    let copy = try Copy("folders")
    try copy.replace("params.dense.kernel/.zarray", #""chunks":[3,4]"#, with: #""chunks":[3,3]"#)
    #expect(try copy.refusal().contains("params/dense/kernel: "))
    let other = try Copy("folders")
    try other.replace("list.0/.zarray", #""chunks":[2]"#, with: #""chunks":[2,1]"#)
    let refusal = try other.refusal()
    #expect(refusal.contains("chunks of [2, 1] do not fit an array of shape (2,)"), "\(refusal)")
    let third = try Copy("zarr")
    try third.replace(
      "shards/zarr.json", #""chunk_shape":[2,1]"#, with: #""chunk_shape":[3,1]"#)
    #expect(try third.refusal().contains("do not divide a shard of [4, 4]"))
  }

  @Test("extents that no memory holds are listed as what they are, or refused")
  func hugeExtents() throws {
    let copy = try Copy("zarr")
    try copy.replace(
      "filled/zarr.json", #""shape":[5,7]"#, with: #""shape":[5,9000000000000000000]"#)
    #expect(try copy.refusal().contains("its shape is not one of sizes that fit 64 bits"))
    let other = try Copy("zarr")
    try other.replace("filled/zarr.json", #""shape":[5,7]"#, with: #""shape":[50000,1000000]"#)
    #expect(try other.refusal().contains("more than 4000000 chunks"))
  }

  @Test("a tree that is no tree is named with the place in it")
  func damagedTree() throws {
    let copy = try Copy("ocdbt")
    try copy.change("_METADATA") { $0.removeLast(9) }
    #expect(try copy.refusal().contains("_METADATA: it is not valid JSON"))
    let other = try Copy("ocdbt")
    try other.replace("_METADATA", #""value_type""#, with: #""valuetype""#)
    #expect(try other.refusal().contains("the key 'value_type' is missing"))
  }

  @Test("a link that leads out of the folder is refused")
  func links() throws {
    let copy = try Copy("folders")
    try copy.remove("list.0/0")
    try FileManager.default.createSymbolicLink(
      atPath: "\(copy.path)/list.0/0", withDestinationPath: "/etc/passwd")
    #expect(try copy.refusal().contains("leads out of its folder"))
  }
}

@Suite("Orbax folders of which any byte is changed")
struct OrbaxCorruptionTests {
  @Test(
    "are read or refused in one sentence, whichever file it is in",
    arguments: ["ocdbt", "database", "aggregated", "sharded"])
  func corruption(_ name: String) throws {
    let copy = try Copy(name)
    let files = try FileManager.default.subpathsOfDirectory(atPath: copy.path).sorted()
    for file in files {
      let path = "\(copy.path)/\(file)"
      guard !FileManager.default.isFolder(path) else { continue }
      let sound = try fileBytes(path)
      guard !sound.isEmpty else { continue }
      for part in 0..<6 {
        try copy.change(file) { $0[part * ($0.count - 1) / 5] ^= UInt8(1 << part) }
        read(copy.path, file)
        try Data(sound).write(to: URL(fileURLWithPath: path))
      }
      try copy.change(file) { $0.removeLast(max(1, $0.count / 3)) }
      read(copy.path, file)
      try Data(sound).write(to: URL(fileURLWithPath: path))
    }
  }

  private func read(_ path: String, _ file: String) {
    do {
      let checkpoint = try Checkpoint(path: path)
      for tensor in checkpoint.tensors where tensor.byteCount < 1 << 20 {
        _ = try checkpoint.reader.read(tensor)
      }
    } catch is CheckpointError {
      // One sentence: what is asked of a damaged folder.
    } catch {
      Issue.record("\(file): an error of another kind: \(error)")
    }
  }
}

extension FileManager {
  fileprivate func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
}
