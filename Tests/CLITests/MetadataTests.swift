import CheckpointCore
import Foundation
import TestSupport
import Testing

/// The plain values of a checkpoint, as `ls --json` gives them.
private func values(_ path: String) throws -> [String: String] {
  let run = try runCommand(["ls", path, "--json"])
  guard run.status == 0,
    case .array(let items)? =
      try JSONParser.parse(Array(run.output.utf8))["placeholders"]
  else { return ["error": run.error] }
  var result: [String: String] = [:]
  for item in items {
    if case .string(let name)? = item["name"] {
      result[name] = item["value"]?.serialized() ?? "none"
    }
  }
  return result
}

/// A file with one tensor and metadata.
private func safetensors(_ folder: TemporaryFolder, _ metadata: String) throws -> String {
  let header =
    #"{"__metadata__":\#(metadata),"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
  let size = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
  return try folder.write("in.safetensors", size + Array(header.utf8) + [0, 0, 0, 0])
}

@Suite("Metadata is content")
struct MetadataTests {
  @Test("long values are cut in the list and complete in its JSON")
  func complete() throws {
    let folder = try TemporaryFolder()
    let long = String(repeating: "x", count: 500)
    let path = try safetensors(folder, #"{"format":"np","note":"\#(long)"}"#)
    let list = try runCommand(["ls", path])
    #expect(list.output.contains("__metadata__.note") && !list.output.contains(long))
    #expect(
      try values(path) == [
        "__metadata__.format": #""np""#, "__metadata__.note": #""\#(long)""#,
      ])
  }

  @Test("safetensors metadata goes into safetensors and HDF5, and a note says where it cannot")
  func safetensorsMetadata() throws {
    let folder = try TemporaryFolder()
    let path = try safetensors(folder, #"{"format":"flax","epoch":"7"}"#)
    for (name, prefix) in [("out.safetensors", "__metadata__."), ("out.h5", "@")] {
      let run = try runCommand(["convert", path, "--map", "none", "-o", folder.file(name)])
      #expect(run.status == 0 && !run.error.contains("left out"), "\(run.error)")
      #expect(
        try values(folder.file(name)) == ["\(prefix)format": #""flax""#, "\(prefix)epoch": #""7""#])
    }
    for name in ["out.npz", "out.pt", "out.msgpack"] {
      let run = try runCommand(["convert", path, "--map", "none", "-o", folder.file(name)])
      #expect(run.status == 0)
      #expect(run.error.contains("left out 2 entries, not parameters: "), "\(run.error)")
      #expect(run.error.contains("__metadata__.format, __metadata__.epoch"), "\(run.error)")
      #expect(try values(folder.file(name)).isEmpty)
    }
  }

  @Test("the scalars of a train state stay in Flax, PyTorch, HDF5 and safetensors files")
  func trainState() throws {
    let folder = try TemporaryFolder()
    let path = fixture("pickle/protocol_2.pkl")
    #expect(try values(path) == ["epoch": "3"])
    for (name, key) in [
      ("x.pt", "epoch"), ("x.msgpack", "epoch"), ("x.h5", "@epoch"),
      ("x.safetensors", "__metadata__.epoch"),
    ] {
      let run = try runCommand(["convert", path, "--map", "none", "-o", folder.file(name)])
      #expect(run.status == 0, "\(run.error)")
      let found = try values(folder.file(name))
      #expect(found[key] == (name == "x.safetensors" ? #""3""# : "3"), "\(name): \(found)")
      #expect(found.count == (name == "x.safetensors" ? 2 : 1), "\(name): \(found)")
    }
  }
}
