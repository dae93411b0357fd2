import CheckpointCore
import CheckpointFormats
import Foundation
import TestSupport
import Testing

private func open(_ name: String) throws -> Checkpoint {
  try Checkpoint(path: fixture("orbax/\(name)"))
}

/// The checkpoint, each of whose tensors must hold 0, 1, 2, ….
private func checkRamps(_ checkpoint: Checkpoint) throws {
  for tensor in checkpoint.tensors {
    #expect(
      try checkpoint.reader.read(tensor) == rampBytes(tensor.dtype, count: tensor.shape.count),
      "\(tensor.name)")
  }
}

@Suite("Orbax folders")
struct OrbaxTests {
  @Test(
    "read a tree by its own names, from a database and from folders",
    arguments: ["ocdbt", "folders"])
  func tree(_ name: String) throws {
    let checkpoint = try open(name)
    #expect(
      checkpoint.tensors.map { "\($0.name) \($0.dtype) \($0.shape)" } == [
        "dotted.key/a/b float32 (2,)", "list/0 int8 (2,)", "list/1/x float8_e4m3fn (2, 2)",
        "pair/0 int32 ()", "params/dense/bias bfloat16 (4,)", "params/dense/kernel float32 (3, 4)",
        "step int64 ()",
      ])
    try checkRamps(checkpoint)
    #expect(
      checkpoint.placeholders == [
        Placeholder(name: "nothing", kind: .value, reason: "an empty dict"),
        Placeholder(name: "pair/1", kind: .value, reason: "None"),
        Placeholder(
          name: "text", kind: .value, reason: "str 'abc'",
          value: PlainValue(.string("abc"), isMetadata: false)),
      ])
  }

  @Test("put the parts of eight devices together")
  func sharded() throws {
    let checkpoint = try open("sharded")
    #expect(checkpoint.tensors.map(\.name) == ["both", "columns", "replicated"])
    try checkRamps(checkpoint)
  }

  @Test("find the newest of numbered manifests and descend through nodes of a few keys")
  func database() throws {
    let checkpoint = try open("database")
    #expect(checkpoint.tensors.map(\.name) == (0..<6).map { "array_\($0)" })
    try checkRamps(checkpoint)
  }

  @Test("take the tree from an aggregated file, whose leaves say where arrays lie")
  func aggregated() throws {
    let checkpoint = try open("aggregated")
    #expect(
      checkpoint.tensors.map(\.name) == ["pair/0", "pair/1", "target/bias", "target/kernel"])
    try checkRamps(checkpoint)
    #expect(checkpoint.placeholders.map(\.name) == ["version"])
  }

  @Test("take a manager's newest step, without an item's name where it is the only one")
  func steps() throws {
    let newest = try open("steps")
    #expect(newest.tensors.map { "\($0.name) \($0.shape)" } == ["w (2,)"])
    #expect(newest.notes.last?.hasSuffix("took default; beside it: metrics") == true)
    let first = try Checkpoint(path: fixture("orbax/steps"), options: ReadOptions(step: 1))
    #expect(first.tensors.map { "\($0.name) \($0.shape)" } == ["w (1,)"])
    try checkRamps(first)
  }

  @Test(
    "read orders, byte orders, shards and codecs that Orbax does not write, whole and in slices")
  func zarr() throws {
    let checkpoint = try open("zarr")
    let all = rampBytes(.float32, count: 35)
    for tensor in checkpoint.tensors where !["big_endian", "filled"].contains(tensor.name) {
      #expect(try checkpoint.reader.read(tensor) == all, "\(tensor.name)")
      #expect(
        try checkpoint.reader.read(tensor, elements: 9..<31) == Array(all[36..<124]),
        "\(tensor.name)")
    }
    #expect(checkpoint.tensors.count == 8)
    let big = try #require(checkpoint.tensors.first { $0.name == "big_endian" })
    #expect(try checkpoint.reader.read(big) == rampBytes(.int32, count: 35))
    let filled = try #require(checkpoint.tensors.first { $0.name == "filled" })
    let seven: [UInt8] = [0, 0, 0xF0, 0x40]
    #expect(
      try checkpoint.reader.read(filled)
        == Array([[UInt8]](repeating: seven, count: 32).joined()) + Array(all[128...]))
    #expect(
      checkpoint.placeholders == [
        Placeholder(name: "blosc", kind: .data, reason: "chunks compressed with blosc")
      ])
  }

  @Test("join the databases of processes where nobody did")
  func processes() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("x")
    try FileManager.default.copyItem(atPath: fixture("orbax/sharded"), toPath: path)
    try FileManager.default.removeItem(atPath: "\(path)/manifest.ocdbt")
    try FileManager.default.removeItem(atPath: "\(path)/d")
    let checkpoint = try Checkpoint(path: path)
    #expect(checkpoint.tensors.map(\.name) == ["both", "columns", "replicated"])
    #expect(checkpoint.reader.formatDescription == "Orbax, OCDBT, its processes not joined")
    try checkRamps(checkpoint)
  }

  @Test(
    "list the items of a step together, with the state of a generator, and take one by its name")
  func items() throws {
    let folder = try TemporaryFolder()
    let manager = FileManager.default
    for (source, item) in [("ocdbt", "state"), ("folders", "extra"), ("sharded", "rng/key")] {
      let path = folder.file("7/\(item)")
      try manager.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try manager.copyItem(atPath: fixture("orbax/\(source)"), toPath: path)
    }
    for (item, document) in [("metrics", "metrics"), ("rng/key_metadata", "metadata")] {
      try manager.createDirectory(
        atPath: folder.file("7/\(item)"), withIntermediateDirectories: true)
      _ = try folder.write("7/\(item)/\(document)", Array(#"{"loss": 1.5}"#.utf8))
    }
    let all = try Checkpoint(path: folder.path)
    #expect(all.tensors.map(\.name).contains("rng/key/both"))
    #expect(all.tensors.map(\.name).contains("state/params/dense/kernel"))
    #expect(all.tensors.map(\.name).contains("extra/params/dense/kernel"))
    let values = all.placeholders.filter { $0.reason == #"JSON {"loss": 1.5}"# }.map(\.name)
    #expect(values == ["metrics", "rng/key_metadata"])
    #expect(try all.readableTensors().count == 7 + 7 + 3)
    let state = try Checkpoint(
      path: folder.path, selection: EntrySelection(key: "state"))
    #expect(state.tensors.map(\.name).contains("params/dense/kernel"))
    #expect(state.tensors.count == 7)
  }
}
