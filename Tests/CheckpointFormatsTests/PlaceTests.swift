import CheckpointCore
import CheckpointFormats
import Foundation
import TestSupport
import Testing

/// A folder with the files `files`, by path, each a copy of a fixture or a text.
private func place(_ files: [String: [UInt8]]) throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  for (path, bytes) in files {
    let parent = (folder.file(path) as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(
      atPath: parent, withIntermediateDirectories: true)
    _ = try folder.write(path, bytes)
  }
  return folder
}

private func tiny() throws -> [UInt8] {
  try fileBytes(fixture("golden/tiny_perturbed_torch.safetensors"))
}

private func index(_ files: [String]) -> [UInt8] {
  let map = files.enumerated().map { #""t\#($0)":"\#($1)""# }.joined(separator: ",")
  return Array(#"{"weight_map":{\#(map)}}"#.utf8)
}

@Suite("A checkpoint is a place")
struct PlaceTests {
  @Test("of a folder with one checkpoint, that one is taken and named")
  func single() throws {
    let folder = try place(["sub/a.safetensors": try tiny(), "sub/config.json": Array("{}".utf8)])
    let checkpoint = try Checkpoint(path: folder.file("sub"))
    #expect(checkpoint.path == folder.file("sub/a.safetensors"))
    #expect(checkpoint.notes == ["\(folder.file("sub")): took a.safetensors"])
    #expect(!checkpoint.tensors.isEmpty)
  }

  @Test("several without an order among them are listed, and none is taken")
  func several() throws {
    let folder = try place(["s/a.safetensors": try tiny(), "s/b.safetensors": try tiny()])
    #expect {
      try Checkpoint(path: folder.file("s"))
    } throws: {
      "\($0)".hasSuffix(
        "this folder holds 2 checkpoints: a.safetensors, b.safetensors; name one of them")
    }
  }

  @Test("the newest step is taken, or the one that was asked for")
  func steps() throws {
    let folder = try place([
      "run/checkpoint-9/model.safetensors": try tiny(),
      "run/checkpoint-10/model.safetensors": try tiny(),
      "run/checkpoint-10/optimizer.pt": try tiny(),
    ])
    let newest = try Checkpoint(path: folder.file("run"))
    #expect(newest.path == folder.file("run/checkpoint-10/model.safetensors"))
    #expect(
      newest.notes == [
        "\(folder.file("run")): took step 10, the newest of 9, 10; choose with --step",
        "\(folder.file("run/checkpoint-10")): took model.safetensors; beside it: optimizer.pt",
      ])
    let chosen = try Checkpoint(path: folder.file("run"), options: ReadOptions(step: 9))
    #expect(chosen.path == folder.file("run/checkpoint-9/model.safetensors"))
    #expect {
      try Checkpoint(path: folder.file("run"), options: ReadOptions(step: 7))
    } throws: {
      "\($0)" == "\(folder.file("run")): there is no step 7 in this folder; its steps: 9, 10"
    }
  }

  @Test("a newest step that cannot be read is an error: no older one stands in for it")
  func damagedStep() throws {
    let folder = try place([
      "run/1/model.safetensors": try tiny(), "run/2/notes.txt": Array("x".utf8),
    ])
    #expect {
      try Checkpoint(path: folder.file("run"))
    } throws: {
      "\($0)".hasSuffix(
        "run/2: this folder holds no checkpoint; name the file or the folder that is one; this is "
          + "the newest step of 1, 2: choose another with --step")
    }
  }

  @Test("--step where there are no steps is an error")
  func noSteps() throws {
    let folder = try place(["a.safetensors": try tiny()])
    for path in [folder.file("a.safetensors"), folder.path] {
      #expect {
        try Checkpoint(path: path, options: ReadOptions(step: 1))
      } throws: {
        "\($0)".hasSuffix("there are no steps here to choose from; leave out --step")
      }
    }
  }

  @Test("a link of a checkpoint that leads out of its folder is refused, though it is there")
  func links() throws {
    let folder = try place(["secret": try tiny(), "set/x.index.json": index(["a"])])
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("set/a"), withDestinationPath: "../secret")
    for path in ["set/x.index.json", "set"] {
      #expect {
        try Checkpoint(path: folder.file(path))
      } throws: {
        "\($0)".contains("set: a: this path of a file of the checkpoint leads out of its folder")
      }
    }
  }

  @Test("the links of a snapshot in Hugging Face's cache lead to the repository's own files")
  func hub() throws {
    let folder = try place([
      "models--o--n/blobs/abc": try tiny(), "models--o--n/snapshots/rev/config.json": [0x7B, 0x7D],
    ])
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("models--o--n/snapshots/rev/model.safetensors"),
      withDestinationPath: "../../blobs/abc")
    let checkpoint = try Checkpoint(path: folder.file("models--o--n/snapshots/rev"))
    #expect(!checkpoint.tensors.isEmpty)
  }

  @Test("missing shards are named, all at once")
  func missingShards() throws {
    let folder = try place([
      "m.index.json": index(["a", "b", "c"]), "b": try tiny(),
    ])
    #expect {
      try Checkpoint(path: folder.file("m.index.json"))
    } throws: {
      "\($0)".hasSuffix(
        "2 of the 3 shards that this index names are not beside it: a, c; "
          + "fetch what is missing into the same folder")
    }
  }
}
