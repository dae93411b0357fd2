import CheckpointCore

/// The model documents that the tool carries: the files of `schemas/`, embedded by the build.
package enum BuiltInModels {
  private static let documents: [(name: String, json: [UInt8])] = [
    ("savi-small", PackageResources.savi_small_json),
    ("savi-medium", PackageResources.savi_medium_json),
    ("savi-large", PackageResources.savi_large_json),
    ("savi-plus-plus", PackageResources.savi_plus_plus_json),
    ("bert", PackageResources.bert_json),
    ("bert-classifier", PackageResources.bert_classifier_json),
    ("gpt2", PackageResources.gpt2_json),
    ("llama", PackageResources.llama_json),
    ("resnet", PackageResources.resnet_json),
    ("vit", PackageResources.vit_json),
  ]

  package static var names: [String] { documents.map(\.name) }

  /// The document `name`, or `nil` where there is none.
  package static func model(_ name: String) throws -> ModelDocument? {
    guard let document = documents.first(where: { $0.name == name }) else { return nil }
    do {
      return try ModelDocument(json: document.json)
    } catch let error as CheckpointError {
      throw error.inFile("schemas/models/\(name).json")
    }
  }

  package static func all() throws -> [ModelDocument] { try names.compactMap { try model($0) } }
}
