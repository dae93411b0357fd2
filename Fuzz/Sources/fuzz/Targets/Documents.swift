import CheckpointFleet
import CheckpointParts
import Checkpoints

/// A JSON document, and the same again from what is written of it.
func readJSON(_ bytes: [UInt8]) {
  guard let value = try? JSONParser.parse(bytes) else { return }
  let text = value.serialized(pretty: true)
  let again = try? JSONParser.parse(Array(text.utf8))
  guard again?.serialized(pretty: true) == text else {
    fatalError("what was written reads as something else: \(text)")
  }
}

/// A model document with its rules compiled and linted, and matched with a file of tensors under the
/// names that the seeds use; what it makes of them has the size it says.
func readModel(_ bytes: [UInt8]) {
  refusing {
    let model = try ModelDocument(json: bytes)
    refusing { _ = try MappingLint.findings(in: model) }
    let source = try Checkpoint(path: InputFile.write(commonTensors, name: "source"))
    for direction in [ConversionDirection.forward, .reverse] {
      refusing {
        let plan = try ModelMatcher.plan(source.entries, models: [model], direction: direction)
        for output in plan.outputs(from: source.reader) where output.byteCount <= readableSize {
          refusing { try measure(output) }
        }
      }
    }
  }
}

private func measure(_ output: OutputTensor) throws {
  var count = 0
  try output.produce { _, run in count += run.count }
  guard output.aliasOf != nil || count == output.byteCount else {
    fatalError("\(output.name): \(count) of \(output.byteCount) bytes were made")
  }
}

/// A safetensors file of eight tensors (2, 3).
private let commonTensors: [UInt8] = {
  let names = [
    "kernel", "bias", "D_0/kernel", "D_1/kernel", "opt/mu", "l_0.weight", "l_1.weight", "scale",
  ]
  let members = names.enumerated().map { index, name in
    JSONValue.Member(
      name,
      .object([
        "dtype": .string("F32"), "shape": .ints([2, 3]),
        "data_offsets": .ints([24 * index, 24 * index + 24]),
      ]))
  }
  let header = Array(JSONValue.object(members).serialized().utf8)
  return safetensorsFile(header: header + [0] + (0..<24 * names.count).map { UInt8($0) })
}()

/// A checkpoint schema, linted, and the same again from the YAML and the JSON made of it.
func readSchema(_ bytes: [UInt8]) {
  refusing {
    let schema = try CheckpointSchema(bytes, loadModel: loadModel)
    refusing { _ = try SchemaLint.findings(in: schema) }
    guard schema.model == nil else { return }
    for text in [schema.yaml, schema.json.serialized(pretty: true)] {
      do {
        let again = try CheckpointSchema(Array(text.utf8), loadModel: loadModel)
        guard again.yaml == schema.yaml else {
          fatalError("what was written reads as something else:\n\(text)\n\(again.yaml)")
        }
      } catch {
        fatalError("what was written cannot be read: \(error)\n\(text)")
      }
    }
  }
}

private func loadModel(_ name: String) throws -> ModelDocument {
  guard let model = try BuiltInModels.model(name) else {
    throw CheckpointError(kind: .usage, "'\(name)' is no built-in model")
  }
  return model
}

/// A baseline of waivers, a certificate, a part's result, a fleet's plan or one of its results; of the
/// last three what is within the seal.
func readRecord(_ bytes: [UInt8]) {
  refusing { _ = try Baseline(bytes) }
  refusing { _ = try Certificate(json: bytes) }
  guard let value = try? JSONParser.parse(bytes) else { return }
  let node = DocumentNode(value)
  refusing { _ = try FleetPlan(node) }
  refusing { _ = try FleetResult(node) }
  refusing {
    let part = try PartDocument(node)
    guard try PartDocument(Array(part.text.utf8)).text == part.text else {
      fatalError("what was written reads as something else: \(part.text)")
    }
  }
}
