import CheckpointCore
import CheckpointFormats
import CheckpointMapping
import SAVIModel
import TestSupport

func tinyDocument() throws -> ModelDocument {
  try ModelDocument(json: try fileBytes(fixture("models/savi-tiny.json")))
}

/// The model in a file of any folder.
func model(_ path: String, _ document: ModelDocument) throws -> ReferenceModel {
  let checkpoint = try Checkpoint(path: path)
  let plan = try ModelMatcher.planEitherWay(checkpoint.entries, models: [document])
  return try ReferenceModel(plan, checkpoint.reader, checkpoint.entries)
}

func tinyModel(_ file: String) throws -> ReferenceModel {
  try model(fixture("golden/tiny_perturbed_\(file)"), try tinyDocument())
}

func tinyClip() throws -> Clip { try recordedClip("golden/tiny_inputs.npz") }

func recordedClip(_ file: String) throws -> Clip {
  let inputs = try Checkpoint(path: fixture(file))
  return try Clip(inputs.reader, inputs.entries)
}

func recorded(_ file: String) throws -> [Stage] {
  let checkpoint = try Checkpoint(path: fixture(file))
  return try Stage.recorded(checkpoint.reader, checkpoint.entries)
}

/// The elements of an array in a fixture, as float64.
func doubles(_ file: String, _ name: TensorName) throws -> [Double] {
  let checkpoint = try Checkpoint(path: fixture(file))
  guard let tensor = checkpoint.tensors.first(where: { $0.name == name }) else {
    throw CheckpointError(entry: name, "not in \(file)")
  }
  var values: [Double] = []
  let bytes = try checkpoint.reader.read(tensor)
  decodeDoubles(bytes.span, tensor.dtype, into: &values)
  return values
}
