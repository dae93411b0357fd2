import CheckpointCore
import CheckpointFormats
import Foundation
import TestSupport
import Testing

/// A copy of a fixture, to be changed.
private struct Copy {
  let folder: TemporaryFolder
  let path: String

  init(_ fixtureName: String, as name: String) throws {
    folder = try TemporaryFolder()
    path = folder.file(name)
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: fixture(fixtureName), toPath: path)
  }

  func write(_ file: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(file)"))
  }
}

private func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "nothing"
  } catch {
    return "\(error)"
  }
}

private let pointer = """
  version https://git-lfs.github.com/spec/v1
  oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
  size 12345

  """

@Suite("What lies in a checkpoint's folder beside its arrays")
struct PlaceMetadataTests {
  @Test(
    "a file that git has not fetched is called that, whatever it should hold",
    arguments: [
      ("dcp/two", ".metadata"), ("dcp/two", "__0_0.distcp"), ("orbax/ocdbt", "manifest.ocdbt"),
      ("orbax/ocdbt", "_METADATA"), ("orbax/folders", "params.dense.kernel/0.0"),
      ("orbax/folders", "params.dense.kernel/.zarray"),
    ])
  func pointers(_ fixtureName: String, _ file: String) throws {
    let copy = try Copy(fixtureName, as: "x")
    try copy.write(file, pointer)
    let said = message {
      let checkpoint = try Checkpoint(path: copy.path)
      for tensor in checkpoint.tensors { _ = try checkpoint.reader.read(tensor) }
    }
    #expect(said.contains("\(file): "), "\(said)")
    #expect(
      said.contains("this is a git-LFS pointer, not the file it stands for; run 'git lfs pull'"),
      "\(said)")
  }

  @Test(
    "what Orbax had not finished is refused by its name, alone or as all there is",
    arguments: ["3.orbax-checkpoint-tmp", "3.orbax-checkpoint-tmp-1700000000"])
  func unfinished(_ name: String) throws {
    let copy = try Copy("orbax/ocdbt", as: "run/\(name)")
    for path in [copy.path, copy.path + "/", copy.folder.file("run")] {
      #expect(
        message { _ = try Checkpoint(path: path) }.contains(
          "\(name): Orbax had not finished writing this checkpoint: parts of it may be missing"),
        "\(path)")
    }
  }

  @Test("an unfinished item beside a finished one is listed as data that cannot be read")
  func unfinishedItem() throws {
    let copy = try Copy("orbax/ocdbt", as: "step/default")
    try FileManager.default.copyItem(
      atPath: copy.path, toPath: copy.folder.file("step/extra.orbax-checkpoint-tmp"))
    let checkpoint = try Checkpoint(path: copy.folder.file("step"))
    let item = try #require(checkpoint.placeholders.first { $0.kind == .data })
    #expect(item.name == "extra.orbax-checkpoint-tmp")
    #expect(item.reason == "a folder that Orbax had not finished writing")
  }

  @Test("what a program said of a checkpoint is metadata, in the folder or in the step's")
  func customMetadata() throws {
    let text = #"{"item_handlers":null,"custom_metadata":{"lr":0.5,"tags":["a","b"]}}"#
    let expected = [
      Placeholder(
        name: "custom_metadata/lr", kind: .value, reason: "float 0.5",
        value: PlainValue(.double(0.5), isMetadata: true)),
      Placeholder(
        name: "custom_metadata/tags", kind: .value, reason: #"list of 2: ["a", "b"]"#,
        value: PlainValue(.array([.string("a"), .string("b")]), isMetadata: true)),
    ]
    let copy = try Copy("orbax/sharded", as: "run/7/default")
    try copy.write("../_CHECKPOINT_METADATA", text)
    let step = try Checkpoint(path: copy.folder.file("run"))
    #expect(step.placeholders == expected)
    #expect(step.tensors.map(\.name) == ["both", "columns", "replicated"])
    #expect(try step.reader.read(step.tensors[2]) == rampBytes(.float32, count: 3))
    try FileManager.default.removeItem(atPath: copy.folder.file("run/7/_CHECKPOINT_METADATA"))
    try copy.write("_CHECKPOINT_METADATA", text)
    #expect(try Checkpoint(path: copy.path).placeholders == expected)
  }

  @Test("attributes of zarr arrays and groups are metadata, of both versions")
  func attributes() throws {
    let copy = try Copy("orbax/zarr", as: "x")
    let names = try Checkpoint(path: copy.path).tensors.map(\.name)
    let two = try #require(
      names.first { FileManager.default.fileExists(atPath: "\(copy.path)/\($0)/.zarray") })
    try copy.write("\(two)/.zattrs", #"{"units":"m"}"#)
    try copy.write(".zgroup", #"{"zarr_format":2}"#)
    try copy.write(".zattrs", #"{"title":"all"}"#)
    let three = try #require(
      names.first { FileManager.default.fileExists(atPath: "\(copy.path)/\($0)/zarr.json") })
    let path = "\(copy.path)/\(three)/zarr.json"
    let document = try String(contentsOfFile: path, encoding: .utf8)
    try copy.write(
      "\(three)/zarr.json", #"{"attributes":{"scale":2},"# + document.trimmingPrefix("{"))
    let listed = try Checkpoint(path: copy.path).placeholders.filter { $0.value != nil }
    #expect(
      Set(listed.map { "\($0.name): \($0.reason)" }) == [
        "@title: str 'all'", "\(two)/@units: str 'm'", "\(three)/@scale: int 2",
      ])
    #expect(listed.allSatisfy { $0.value?.isMetadata == true })
  }
}
