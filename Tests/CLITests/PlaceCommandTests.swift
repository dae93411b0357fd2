import Foundation
import TestSupport
import Testing

private let model = fixture("golden/tiny_perturbed_torch.safetensors")

/// A trainer's folder: two steps, each with a model and an optimizer's state.
private func trainerFolder() throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  for step in [9, 10] {
    let path = folder.file("checkpoint-\(step)")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    _ = try folder.write("checkpoint-\(step)/model.safetensors", try fileBytes(model))
    _ = try folder.write("checkpoint-\(step)/optimizer.npz", try fileBytes(model))
  }
  return folder
}

@Suite("Folders, by the real binary")
struct PlaceCommandTests {
  @Test("a note says which step was taken, and --step chooses")
  func steps() throws {
    let folder = try trainerFolder()
    let newest = try runCommand(["hash", folder.path])
    #expect(newest.status == 0)
    #expect(newest.output == (try runCommand(["hash", model])).output)
    #expect(newest.error.contains("took step 10, the newest of 9, 10; choose with --step"))
    #expect(newest.error.contains("took model.safetensors; beside it: optimizer.npz"))
    let chosen = try runCommand(["ls", folder.path, "--step", "9", "--json", "-q"])
    #expect(chosen.output.contains(#"checkpoint-9/model.safetensors""#))
    #expect(chosen.error.isEmpty)
    let absent = try runCommand(["ls", folder.path, "--step", "8"])
    #expect(absent.status == 2)
    #expect(absent.error.contains("there is no step 8 in this folder; its steps: 9, 10"))
  }

  @Test("a certificate names the step that was converted, whatever comes later")
  func certificate() throws {
    let folder = try trainerFolder()
    let (output, record) = (folder.file("out.npz"), folder.file("out.json"))
    let run = try runCommand([
      "convert", folder.path, "--map", "none", "-o", output, "--certificate", record,
    ])
    #expect(run.status == 0, "\(run.error)")
    #expect(try String(contentsOfFile: record, encoding: .utf8).contains("checkpoint-10/model"))
  }

  @Test("validate looks at the files of a folder, and otherwise says which step it took")
  func validate() throws {
    let folder = try trainerFolder()
    let schema = folder.file("s.json")
    #expect(try runCommand(["schema", "generate", model, "-o", schema]).status == 0)
    let newest = try runCommand(["validate", folder.path, "--schema", schema])
    #expect(newest.status == 0, "\(newest.output)")
    #expect(newest.output.contains("checkpoint-10/model.safetensors: ok"))
    let files = try runCommand(["validate", folder.file("checkpoint-9"), "--schema", schema])
    #expect(files.status == 0, "\(files.output)")
    #expect(files.output.contains("checkpoint-9/model.safetensors: ok"))
    #expect(files.output.contains("checkpoint-9/optimizer.npz: ok"))
  }
}
