import CheckpointCore
import CheckpointInspection

/// Documents that a command reads besides checkpoints are no larger than this.
private let maximumDocumentSize = 256 << 20

func documentDigest(_ path: String) throws -> String {
  let bytes = try DocumentFile.read(path, limit: maximumDocumentSize, kind: "a document")
  return sha256(of: bytes.span)
}

/// What tells one listing from another.
func digest(of entries: [CheckpointEntry]) -> String {
  sha256(of: Array(entries.record.serialized().utf8).span)
}

/// What tells the items of one pass from those of another.
func digest(of items: [WorkItem]) -> String {
  let text = items.map { "\($0.name.utf8.count) \($0.name) \($0.byteCount)\n" }.joined()
  return sha256(of: Array(text.utf8).span)
}
