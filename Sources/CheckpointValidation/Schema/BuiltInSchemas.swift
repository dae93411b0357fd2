/// The schemas that the tool carries: the files of `schemas/`, embedded by the build.
package enum BuiltInSchemas {
  private static let documents: [(name: String, bytes: [UInt8])] = [
    ("savi-small", PackageResources.savi_small_checkpoint_json),
    ("savi-small-flax", PackageResources.savi_small_flax_checkpoint_json),
    ("savi-medium", PackageResources.savi_medium_checkpoint_json),
    ("savi-medium-flax", PackageResources.savi_medium_flax_checkpoint_json),
    ("savi-large", PackageResources.savi_large_checkpoint_json),
    ("savi-large-flax", PackageResources.savi_large_flax_checkpoint_json),
    ("savi-plus-plus", PackageResources.savi_plus_plus_checkpoint_json),
    ("savi-plus-plus-flax", PackageResources.savi_plus_plus_flax_checkpoint_json),
  ]

  package static var names: [String] { documents.map(\.name) }

  /// The document `name`, or `nil` where there is none.
  package static func document(_ name: String) -> [UInt8]? {
    documents.first { $0.name == name }?.bytes
  }
}
