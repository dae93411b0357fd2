import Bytes
import CheckpointCore

/// A NumPy npz archive: a zip of npy files, stored (`np.savez`) or deflated
/// (`np.savez_compressed`). An array's name is its entry's name without `.npy`.
///
/// Object, structured and string arrays, and entries that are no npy files, are placeholders.
struct NpzReader: StoredCheckpointReader {
  let format = FormatName.npz
  let formatDescription = "NumPy npz"
  let contents: StoredTensors

  /// `nil` where the archive holds something else.
  static func open(_ archive: ZipArchive, _ options: ReadOptions) throws -> NpzReader? {
    let isNpz = archive.entries.isEmpty || archive.entries.contains { $0.name.hasSuffix(".npy") }
    return isNpz ? try NpzReader(archive, options: options) : nil
  }

  private init(_ archive: ZipArchive, options: ReadOptions) throws {
    var contents = StoredTensors()
    for entry in archive.entries where !entry.name.hasSuffix("/") || entry.size > 0 {
      guard entry.name.hasSuffix(".npy") else {
        try contents.addPlaceholder(
          TensorName(entry.name), .data, "\(entry.size) bytes that are not a .npy file")
        continue
      }
      let source = ZipEntrySource(archive, entry, .required)
      let name = TensorName(String(entry.name.dropLast(4)))
      do {
        let header = try NpyHeader(rawTypes: options.rawTypes) { try source.prefix($0) }
        switch try header.layout(entrySize: entry.size) {
        case .success(let layout): try contents.add(name, layout, in: source, key: entry.name)
        case .failure(let problem): try contents.addPlaceholder(name, .data, problem.reason)
        }
      } catch let error as CheckpointError {
        throw error.inEntry(entry.name)
      }
    }
    self.contents = contents
  }
}
