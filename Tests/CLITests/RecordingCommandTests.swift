import CheckpointCore
import DamageCorpus
import Foundation
import TestSupport
import Testing

@Suite("verify --recordings, by the real binary")
struct RecordingCommandTests {
  private let source = fixture("../../samples/vit-tiny.flax.run.safetensors")
  private let port = fixture("../../samples/vit-tiny.port.run.safetensors")

  private func report(_ arguments: [String]) throws -> (status: Int32, json: JSONValue) {
    let result = try runCommand(["verify", "--json"] + arguments)
    #expect(result.error.isEmpty)
    return (result.status, try JSONParser.parse(Array(result.output.utf8)))
  }

  private func items(_ value: JSONValue?) -> [JSONValue] {
    if case .array(let items)? = value { items } else { [] }
  }

  private func number(_ value: JSONValue?) -> Double {
    if case .double(let number)? = value { number } else { .nan }
  }

  @Test("a GELU by its other form is found in both blocks, at the module, and named")
  func gelu() throws {
    let (status, json) = try report(["--recordings", source, port])
    #expect(status == 1)
    #expect(json["agrees"] == .bool(false))
    let faults = items(json["faults"])
    #expect(
      faults.map { $0["converted"] } == [.string("blocks.0.mlp.1"), .string("blocks.1.mlp.1")])
    for fault in faults {
      let cause = try #require(items(fault["causes"]).first)
      #expect(cause["id"] == .string("gelu_approximation"))
      #expect(number(cause["explains"]) > 0.99)
      #expect(number(cause["effect"]) < 1e-3)
    }
    #expect(items(json["unpaired"]).count == 2)
  }

  /// A recording of a model that returns scores and the class of the highest of each.
  private func recording(_ folder: TemporaryFolder, _ name: String, ties: Int) throws -> String {
    let count = 200
    let scores = (0..<count).map { Float($0 * 37 % 101) / 7 - 5 }
    let labels = (0..<count).map { Int64($0 < ties ? 3 : $0 % 3) }
    var file = SafetensorsFile([
      .init("x", [count], scores.map { $0 / 2 }), .init("scores", [count], scores),
      .init("labels", "I64", [count], labels.flatMap { withUnsafeBytes(of: $0) { Array($0) } }),
    ])
    func tensor(_ name: String) -> JSONValue {
      .object(["name": .string(name), "tensor": .string(name)])
    }
    let call = JSONValue.object([
      "path": .string(""), "class": .string("Classifier"), "bases": .array([]),
      "framework": .string("torch"), "number": .int(0), "parent": .null, "completed": .bool(true),
      "inputs": .array([tensor("x")]), "outputs": .array([tensor("scores"), tensor("labels")]),
      "parameters": .object([]), "attributes": .object([]),
    ])
    let calls = JSONValue.object([
      "schema_version": .int(1), "versions": .object([]), "limit": .int(1 << 24),
      "notes": .array([]), "calls": .array([call]),
    ])
    file.metadata = [.init("savi_ckpt.calls", .string(calls.serialized()))]
    return try folder.write(name, file.bytes)
  }

  @Test("a label where two classes are as likely is no fault, many other labels are one")
  func ties() throws {
    let folder = try TemporaryFolder()
    let source = try recording(folder, "a.safetensors", ties: 0)
    let tie = try recording(folder, "b.safetensors", ties: 2)
    let wrong = try recording(folder, "c.safetensors", ties: 30)
    #expect(try report(["--recordings", source, tie]).json["agrees"] == .bool(true))
    #expect(try report(["--recordings", source, wrong]).json["agrees"] == .bool(false))
  }

  @Test("with the checkpoints nothing behind a fault stays unjudged")
  func checkpoints() throws {
    let folder = try TemporaryFolder()
    let (draft, converted) = (folder.file("vit.json"), folder.file("vit.safetensors"))
    let flax = fixture("../../samples/vit-tiny.flax.msgpack")
    let fresh = fixture("../../samples/vit-tiny.fresh.safetensors")
    #expect(try runCommand(["map", "suggest", flax, fresh, "-o", draft, "-q"]).status == 0)
    #expect(
      try runCommand(["convert", flax, "--map", draft, "-o", converted, "-q"]).status == 0)
    let (status, json) = try report([
      flax, converted, "--recordings", source, port, "--map", draft,
    ])
    #expect(status == 1)
    #expect(items(json["faults"]).count == 2)
    #expect(items(json["unjudged"]).isEmpty)
    #expect(items(json["notes"]).isEmpty)
  }

  @Test("a family of the mapping tells the weights of a scan, whose cell records no call")
  func recurrent() throws {
    let (status, json) = try report([
      fixture("recordings/lstm.msgpack"), fixture("recordings/lstm.port.weights.safetensors"),
      "--recordings", fixture("recordings/lstm.flax.safetensors"),
      fixture("recordings/lstm.port.safetensors"), "--map", fixture("recordings/lstm.json"),
    ])
    #expect(status == 1)
    let faults = items(json["faults"])
    #expect(faults.map { $0["converted"] } == [.string("rnn1")])
    #expect(items(faults.first?["causes"]).first?["id"] == .string("gate_order"))
  }

  @Test("a recording agrees with itself")
  func itself() throws {
    let result = try runCommand(["verify", "--recordings", source, source])
    #expect(result.status == 0)
    #expect(result.output.contains("The two runs agree."))
  }

  @Test("plain arrays are steps, paired by name")
  func plainArrays() throws {
    let (status, json) = try report(["--recordings", port, port])
    #expect(status == 0)
    #expect(items(json["faults"]).isEmpty)
    let arrays = fixture("../../samples/savi-small.flax.npz")
    #expect(try runCommand(["verify", "--recordings", arrays, arrays]).status == 0)
  }

  @Test(
    "wrong usage is said",
    arguments: [
      ["--recordings", "a"], ["a", "--recordings", "b", "c"],
      ["--recordings", "a", "b", "--strict"], ["--recordings", "a", "b", "--key", "model"],
    ])
  func usage(_ arguments: [String]) throws {
    #expect(try runCommand(["verify"] + arguments).status == 64)
  }

  @Test("two files with nothing in common are no comparison")
  func nothingInCommon() throws {
    let result = try runCommand([
      "verify", "--recordings", source, fixture("../../samples/savi-small.flax.npz"),
    ])
    #expect(result.status == 2)
    #expect(result.error.contains("no call of it goes with a call of"))
  }
}
