import TestSupport
import Testing

/// A safetensors file with one tensor, and one of four bits whose rows are no whole bytes.
private func checkpoint(_ folder: TemporaryFolder, _ name: String = "in.safetensors") throws
  -> String
{
  let header = Array(
    (#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
      + #""q":{"dtype":"F4","shape":[4,1],"data_offsets":[8,10]}}"#).utf8)
  let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
  return try folder.write(
    name, length + header + rampBytes(.float32, count: 3).dropFirst(4) + [0x12, 0x34])
}

@Suite("Data that cannot be read is not vouched for")
struct UnreadDataTests {
  private let folder: TemporaryFolder
  private let file: String

  init() throws {
    folder = try TemporaryFolder()
    file = try checkpoint(folder)
  }

  private func command(_ name: String) throws -> [String] {
    switch name {
    case "hash": return ["hash", file]
    case "diff": return ["diff", file, file]
    case "convert":
      return ["convert", file, "--map", "none", "-o", folder.file("out.npz"), "--force"]
    case "generate": return ["schema", "generate", file, "--exact"]
    default:
      let schema = try folder.write(
        "s.yaml", Array("schema_version: 1\nname: s\ntensors:\n  - {name: w}\n".utf8))
      return ["validate", file, "--schema", schema]
    }
  }

  @Test(
    "it ends a command with 2 and its name, until it is left out",
    arguments: ["hash", "diff", "convert", "generate", "validate"])
  func fails(_ name: String) throws {
    let run = try runCommand(try command(name))
    #expect(run.status == 2)
    #expect((run.output + run.error).contains("q"), "\(run)")
    #expect((run.output + run.error).contains("less than a byte"), "\(run)")
    let without = try runCommand(try command(name) + ["--exclude", "^q$"])
    #expect(without.status == 0, "\(without)")
  }

  @Test("verify, of either side")
  func verify() throws {
    let good = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path
    for files in [[file, good], [good, file]] {
      let run = try runCommand(["verify"] + files)
      #expect(run.status == 2)
      #expect(run.error.contains("q (F4 (4, 1)"), "\(run.error)")
    }
  }

  @Test("ls and stats show it, in every form")
  func shown() throws {
    #expect(try runCommand(["ls", file]).output.contains("less than a byte"))
    let table = try runCommand(["stats", file])
    #expect(table.status == 0)
    #expect(table.output.contains("Not read: q, F4 (4, 1)"))
    for arguments in [["--json"], ["--output", "json"]] {
      let json = try runCommand(["stats", file] + arguments).output
      #expect(json.contains(#""kind": "data""#) && json.contains(#""name": "q""#))
    }
    #expect(
      try runCommand(["stats", file, "--output", "csv"]).error.contains("q is not in the table"))
  }

  @Test("a file without tensors is not hashed")
  func nothing() throws {
    let empty = try folder.write("empty.safetensors", [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8))
    #expect(try runCommand(["hash", empty]).status == 2)
    #expect(try runCommand(["diff", empty, empty]).status != 0)
  }

  @Test("a certificate keeps how the source was read: --raw-as and --format")
  func recorded() throws {
    let (source, certificate) = (folder.file("bf16.npz"), folder.file("c.json"))
    for arguments in [
      ["convert", file, "--exclude", "q", "--map", "none", "--dtype", "bfloat16", "-o", source],
      [
        "convert", source, "--map", "none", "--raw-as", "bfloat16", "--format", "npz", "-o",
        folder.file("out.pt"), "--certificate", certificate,
      ],
      ["verify", "--certificate", certificate],
    ] {
      let run = try runCommand(arguments)
      #expect(run.status == 0, "\(run)")
    }
  }
}
