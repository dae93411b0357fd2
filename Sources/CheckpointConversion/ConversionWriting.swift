package import Bytes
import CheckpointCore
package import CheckpointFormats

extension Conversion {
  /// Gives what `stage` writes its name, and the certificate with it: both, or neither.
  ///
  /// - Parameters:
  ///   - record: the certificate's file, whose place is taken before the work; `nil` for none.
  ///   - stage: writes the outputs beside their place.
  /// - Returns: what was written, and one sentence for each thing that did not come through as it was.
  package func write(
    certificate record: AtomicFile?, _ stage: () throws -> StagedCheckpoint
  ) throws -> (path: String, notes: [String]) {
    let staged = try inFile(checkpoint.path, stage)
    if let record {
      let certificate = try certificate(of: staged, as: staged.path)
      try record.write(
        Array((certificate.json.serialized(pretty: true) + "\n").utf8).span, at: 0)
    }
    try staged.commit(with: record.map { [$0] } ?? [])
    return (staged.path, notes(beside: staged.notes))
  }

  /// All that is to be said of the conversion once it is written.
  ///
  /// - Parameter written: what was said of the file.
  package func notes(beside written: [String]) -> [String] {
    written + notes + (overflowNote.map { [$0] } ?? [])
  }
}
