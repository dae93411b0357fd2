import CheckpointCore

/// What a program said of a checkpoint when it saved it: `custom_metadata`, an object of plain values, in
/// `_CHECKPOINT_METADATA` of a checkpoint or of a manager's step, or in a tree's `_METADATA`.
/// Source: orbax/checkpoint/_src/metadata/step_metadata_serialization.py.
enum OrbaxCustomMetadata {
  private static let fileName = "_CHECKPOINT_METADATA"
  private static let member = "custom_metadata"

  /// The values in `folder`, each an entry `custom_metadata/KEY`.
  static func values(of folder: CheckpointFolder) throws -> [Placeholder] {
    values(in: try OrbaxDocument.read(fileName, in: folder))
  }

  /// The values that a document holds.
  static func values(in document: JSONValue?) -> [Placeholder] {
    guard case .object(let members)? = document?[member] else { return [] }
    return members.map { item in
      let value = PlainValue(item.value, isMetadata: true)
      return Placeholder(
        name: "\(member)/\(item.key)", kind: .value, reason: value.summary, value: value)
    }
  }
}
