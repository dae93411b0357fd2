import CheckpointCore
import CheckpointMapping
import SAVIModel
import TestSupport

/// The recorded models with a residual encoder: the leaves of the published configurations, narrow.
enum ResidualModel: String, CaseIterable, CustomStringConvertible {
  case large = "tinylarge"
  case plusPlus = "tinysavipp"

  var description: String { rawValue }

  /// The built-in document with other sizes: nothing else tells the tiny model from the full one.
  func document(_ changes: [String: Int] = [:]) throws -> ModelDocument {
    let name = self == .large ? "savi-large" : "savi-plus-plus"
    var sizes = self == .large ? Self.largeSizes : Self.plusPlusSizes
    sizes.merge(changes) { $1 }
    let file = packageRoot.appendingPathComponent("schemas/models/\(name).json").path
    guard case .object(var members) = try JSONParser.parse(try fileBytes(file)),
      let index = members.firstIndex(where: { $0.key == "dimensions" }),
      case .object(var dimensions) = members[index].value
    else { throw CheckpointError(file: file, "no dimensions") }
    for position in dimensions.indices {
      let key = dimensions[position].key
      if let size = sizes[key] { dimensions[position] = .init(key, .int(size)) }
    }
    members[index] = .init("dimensions", .object(dimensions))
    return try ModelDocument(json: Array(JSONValue.object(members).serialized().utf8))
  }

  private static let common = [
    "frame_height": 32, "frame_width": 32, "feature_height": 4, "feature_width": 4,
    "grid_height": 2, "grid_width": 2, "C1": 32, "C2": 32, "C3": 32, "C4": 64,
    "encoder_hidden": 10, "slot": 16, "initializer_hidden": 14,
  ]
  private static let largeSizes = common.merging([
    "attention": 16, "joined": 16, "qkv": 48, "predictor_hidden": 24, "D0": 9, "D1": 9, "D2": 9,
    "D3": 9,
  ]) { $1 }
  private static let plusPlusSizes = common.merging([
    "E": 20, "encoder_joined": 20, "encoder_qkv": 60, "encoder_mlp": 36, "attention": 24,
    "joined": 28, "qkv": 84, "predictor_hidden": 40, "D0": 10, "D1": 9, "D2": 8, "D3": 7,
  ]) { $1 }

  var flaxFile: String { fixture("residual/\(rawValue)_perturbed_flax.npz") }

  func clip() throws -> Clip { try recordedClip("residual/\(rawValue)_inputs.npz") }

  /// The stages of the Flax model, computed in float64.
  func stages() throws -> [Stage] {
    try recorded("residual/\(rawValue)_perturbed_expected_flax_f64.npz")
  }

  func margin() throws -> [Double] {
    try doubles("residual/\(rawValue)_perturbed_expected_flax_f64.npz", "seg_margin")
  }
}
