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
  ///
  /// - Parameter changes: further sizes.
  func document(_ changes: [String: Int] = [:]) throws -> ModelDocument {
    let name = self == .large ? "savi-large" : "savi-plus-plus"
    let file = packageRoot.appendingPathComponent("schemas/models/\(name).json").path
    var document = try JSONParser.parse(try fileBytes(file))
    let sizes = try JSONParser.parse(try fileBytes(fixture("residual/dimensions.json")))
    document.replace("dimensions") { dimensions in
      if case .object(let members)? = sizes[rawValue] {
        for member in members { dimensions.replace(member.key) { $0 = member.value } }
      }
      for (key, size) in changes { dimensions.replace(key) { $0 = .int(size) } }
    }
    return try ModelDocument(json: Array(document.serialized().utf8))
  }

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

extension JSONValue {
  /// Changes the member `key` of an object.
  fileprivate mutating func replace(_ key: String, _ change: (inout JSONValue) -> Void) {
    guard case .object(var members) = self,
      let index = members.firstIndex(where: { $0.key == key })
    else { return }
    var value = members[index].value
    change(&value)
    members[index] = .init(key, value)
    self = .object(members)
  }
}
