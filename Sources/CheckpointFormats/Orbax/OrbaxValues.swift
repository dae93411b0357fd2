import Bytes
import CheckpointCore

/// An item of plain values beside the trees of a step: metrics, and what a program saved as JSON. It is
/// a folder with one document, `metrics` or `metadata`.
enum OrbaxValues {
  private static let names: Set<String> = ["metrics", "metadata"]
  private static let marker = "commit_success.txt"
  /// Larger documents are no metrics.
  private static let maximumSize = 1 << 20
  /// Characters of a document that are shown.
  private static let shown = 60

  /// What such an item holds, for a listing; `nil` for any other folder.
  static func text(in item: CheckpointFolder) -> String? {
    guard let document = try? item.names().filter({ $0 != marker }), document.count == 1,
      names.contains(document[0]), let file = try? item.file(document[0]),
      file.size <= maximumSize, let bytes = try? file.readPrefix(file.size),
      (try? JSONParser.parse(bytes)) != nil
    else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    return text.count > shown ? "JSON \(text.prefix(shown))…" : "JSON \(text)"
  }
}
