import CheckpointCore
import CheckpointMapping
import CheckpointValidation

/// A JSON document, and the same again from what is written of it.
func readJSON(_ bytes: [UInt8]) {
  guard let value = try? JSONParser.parse(bytes) else { return }
  let text = value.serialized(pretty: true)
  let again = try? JSONParser.parse(Array(text.utf8))
  guard again?.serialized(pretty: true) == text else {
    fatalError("what was written reads as something else: \(text)")
  }
}

/// A model document with its rules compiled and linted, and matched with tensors of the commonest
/// names and ranks.
func readModel(_ bytes: [UInt8]) {
  refusing {
    let model = try ModelDocument(json: bytes)
    _ = try CompiledMapping(model)
    refusing { _ = try MappingLint.findings(in: model) }
    for direction in [ConversionDirection.flaxToTorch, .torchToFlax] {
      refusing { _ = try ModelMatcher.plan(commonTensors, models: [model], direction: direction) }
    }
  }
}

private let commonTensors: [CheckpointEntry] =
  ["kernel", "bias", "D_0/kernel", "D_1/kernel", "l_0.weight", "l_0.bias"].compactMap { name in
    Shape([2, 3]).map { .tensor(TensorInfo(name: name, dtype: .float32, shape: $0)) }
  }

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

/// A baseline of waivers, or a certificate.
func readRecord(_ bytes: [UInt8]) {
  refusing { _ = try Baseline(bytes) }
  refusing { _ = try Certificate(json: bytes) }
}
