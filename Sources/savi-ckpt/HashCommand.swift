import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointParts

struct HashCommand: DivisibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "hash",
    abstract: "Print a SHA-256 per tensor and one for the whole, equal across formats.")

  @Argument(help: "A checkpoint of any supported format.", completion: .file())
  var file: String

  @OptionGroup var input: InputOptions
  @OptionGroup var division: DivisionOptions
  @OptionGroup var report: ReportOptions

  func run(_ work: any DividedWork) throws {
    let checkpoint = try input.open(file, report, by: work)
    let tensors = try checkpoint.readableTensors()
    guard !tensors.isEmpty else {
      throw CheckpointError(
        file: file, "there is no tensor to hash", advice: "see 'savi-ckpt ls \(file)'")
    }
    let hash = try checkpoint.withProgress(isQuiet: report.quiet, work) { stream in
      let pass = TensorPass.hashes(of: tensors, threads: Machine.processorCount, stream: stream)
      return try work.outcomes(of: pass).map { pass.hash($0) }
    }
    guard let hash else { return }
    try Console.output(report.json ? json(hash).serialized(pretty: true) : text(hash))
  }

  private func text(_ hash: CheckpointHash) -> String {
    let lines = hash.tensors.map { "\($0.sha256)  \(printable($0.tensor.name))" }
    return (lines + ["\(hash.root)  root of \(counted(hash.tensors.count, "tensor"))"]).joined(
      separator: "\n")
  }

  /// `schemas/hash.schema.json`.
  private func json(_ hash: CheckpointHash) -> JSONValue {
    .object([
      "schema_version": .int(1),
      "root": .string(hash.root),
      "tensors": .array(
        hash.tensors.map {
          .object([
            "name": .name($0.tensor.name),
            "dtype": .string($0.tensor.dtype.name),
            "shape": .ints($0.tensor.shape.dimensions),
            "sha256": .string($0.sha256),
          ])
        }),
    ])
  }
}
