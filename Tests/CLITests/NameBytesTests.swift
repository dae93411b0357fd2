import TestSupport
import Testing

/// "é" as one scalar, and as "e" with a combining accent: one string to Swift, two names in a file.
private let composed = "\u{E9}"
private let decomposed = "e\u{301}"

@Suite("Names are bytes: two that differ only in Unicode normalisation are two")
struct NameBytesTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A safetensors file with one float32 element per name: 1, 2, ….
  private func checkpoint(_ file: String, _ names: [String]) throws -> String {
    let members = names.enumerated().map { index, name in
      #""\#(name)":{"dtype":"F32","shape":[1],"data_offsets":[\#(4 * index),\#(4 * index + 4)]}"#
    }
    let header = Array("{\(members.joined(separator: ","))}".utf8)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    return try folder.write(
      file, length + header + rampBytes(.float32, count: names.count + 1).dropFirst(4))
  }

  @Test(
    "both are read, and kept by every format",
    arguments: ["safetensors", "npz", "h5", "flax", "pt"])
  func both(_ format: String) throws {
    let file = try checkpoint("both.safetensors", [decomposed, composed])
    let target = folder.file("out.\(format)")
    let run = try runCommand(["convert", file, "--map", "none", "-o", target])
    #expect(run.status == 0, "\(run.error)")
    let diff = try runCommand(["diff", file, target])
    #expect(diff.output == "2 tensors compared, no differences\n", "\(diff.error)")
    #expect(try runCommand(["hash", file]).output == runCommand(["hash", target]).output)
  }

  @Test("diff reports a rename from one to the other")
  func diff() throws {
    let (a, b) = (
      try checkpoint("a.safetensors", ["\(composed).weight"]),
      try checkpoint("b.safetensors", ["\(decomposed).weight"])
    )
    let run = try runCommand(["diff", a, b])
    #expect(run.status == 1)
    #expect(run.output.hasPrefix("the same weights, 1 tensor renamed\n"))
    #expect(run.output.contains("\(composed).weight -> \(decomposed).weight"))
  }

  @Test("validate reports it: one tensor is missing, another unexpected")
  func validate() throws {
    let file = try checkpoint("b.safetensors", ["\(decomposed).weight", "x"])
    let schema = try folder.write(
      "s.yaml",
      Array(
        """
        schema_version: 1
        name: accents
        tensors:
          - {name: \(composed).weight}
          - {name: x}
        """.utf8))
    let run = try runCommand(["validate", file, "--schema", schema])
    #expect(run.status == 1)
    #expect(run.output.contains("W001 missing-tensor \(composed).weight"))
    #expect(run.output.contains("W002 unexpected-tensor \(decomposed).weight"))
  }

  @Test("a subtree's key is a name too")
  func key() throws {
    let file = try checkpoint("b.safetensors", ["\(decomposed).weight"])
    #expect(try runCommand(["ls", file, "--key", decomposed]).status == 0)
    #expect(try runCommand(["ls", file, "--key", composed]).status == 2)
  }
}
