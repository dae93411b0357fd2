import CheckpointCore
import Foundation
import TestSupport

/// A folder with one wrong checkpoint per kind of damage, the good one that they are made from
/// (`good.safetensors`), and the schemas that tell them apart.
public struct Corpus: Sendable {
  public let folder: String

  public static let sample = packageRoot.appendingPathComponent("samples/savi-small.flax.npz").path

  /// Makes the good checkpoint and the schemas in `folder`, with the tool itself.
  public init(in folder: String, tool: URL) throws {
    self.folder = folder
    func run(_ arguments: [String]) throws {
      let run = try runProcess(tool, arguments)
      guard run.status == 0 else { throw Failure(message: run.error) }
    }
    try run(["convert", Self.sample, "-o", good, "--force", "--quiet"])
    try run(["schema", "generate", good, "-o", path(CorpusSchema.tolerant), "--force"])
    try run(["schema", "generate", good, "--exact", "-o", path(CorpusSchema.exact), "--force"])
    let dimensions = packageRoot.appendingPathComponent("Tests/Corpus/dimensions.yaml").path
    try write(CorpusSchema.dimensions, try fileBytes(dimensions))
    try write(
      CorpusSchema.open,
      Array(
        """
        schema_version: 1
        name: open
        world: open
        tensors:
          - {name: "**", required: false}

        """.utf8))
  }

  struct Failure: Error { let message: String }

  public var good: String { path("good.safetensors") }

  public func path(_ name: String) -> String { folder + "/" + name }

  /// What `--schema` takes for a damage.
  public func schema(of damage: Damage) -> String {
    damage.schema == CorpusSchema.builtIn ? damage.schema : path(damage.schema)
  }

  /// Writes the file of a damage.
  public func write(_ damage: Damage) throws {
    let ingredients = Damage.Ingredients(
      good: try fileBytes(good), sample: try fileBytes(Self.sample))
    try write(damage.file, try damage.make(ingredients))
  }

  /// Writes every file, and `manifest.json` with what each must raise.
  public func writeAll() throws {
    for damage in Damage.all { try write(damage) }
    let manifest = JSONValue.array(
      Damage.all.map { damage in
        .object([
          "file": .string(damage.file), "schema": .string(damage.schema), "id": .string(damage.id),
          "tensor": .optional(damage.tensor), "status": .int(Int(damage.status)),
          "against": damage.isAgainstSource ? .string(Self.sample) : .null,
        ])
      })
    try write("manifest.json", Array(manifest.serialized(pretty: true).utf8))
  }

  private func write(_ name: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
  }
}
