import CheckpointCore

/// The model documents that the tool carries: the files of `schemas/`, embedded by the build.
public enum BuiltInModels {
  private static let documents: [(name: String, json: [UInt8])] = [
    ("savi-small", PackageResources.savi_small_json),
    ("savi-medium", PackageResources.savi_medium_json),
  ]

  public static var names: [String] { documents.map(\.name) }

  /// The document `name`, or `nil` where there is none.
  public static func model(_ name: String) throws -> ModelDocument? {
    guard let document = documents.first(where: { $0.name == name }) else { return nil }
    do {
      return try ModelDocument(json: document.json)
    } catch let error as CheckpointError {
      throw error.inFile("schemas/\(name).json")
    }
  }

  public static func all() throws -> [ModelDocument] { try names.compactMap { try model($0) } }
}
