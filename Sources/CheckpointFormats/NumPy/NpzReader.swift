import Bytes
import CheckpointCore

/// A NumPy npz archive: a zip of npy files, stored (`np.savez`) or deflated
/// (`np.savez_compressed`). An array's name is its entry's name without `.npy`.
///
/// As in NumPy, an entry without `.npy` is an array where it begins as one. Structured and string
/// arrays, and entries that are no npy files, are placeholders; the arrays in an array of objects are
/// listed below its name.
struct NpzReader: StoredCheckpointReader {
  let format = FormatName.npz
  let formatDescription = "NumPy npz"
  let contents: StoredTensors

  /// `nil` where the archive holds something else.
  static func open(_ archive: ZipArchive, _ options: ReadOptions) throws -> NpzReader? {
    let isNpz =
      try archive.entries.isEmpty
      || archive.entries.contains { $0.name.hasSuffix(suffix) }
      || archive.entries.contains { try isArray(ZipEntrySource(archive, $0, .required)) }
    return isNpz ? try NpzReader(archive, options: options) : nil
  }

  private static let suffix = ".npy"

  private static func isArray(_ source: ZipEntrySource) throws -> Bool {
    try source.prefix(NpyHeader.magic.count) == NpyHeader.magic
  }

  private init(_ archive: ZipArchive, options: ReadOptions) throws {
    var contents = StoredTensors()
    for entry in archive.entries where !entry.name.hasSuffix("/") || entry.size > 0 {
      let source = ZipEntrySource(archive, entry, .required)
      let hasSuffix = entry.name.hasSuffix(Self.suffix)
      do {
        if try hasSuffix || Self.isArray(source) {
          let name = hasSuffix ? String(entry.name.dropLast(Self.suffix.count)) : entry.name
          let header = try NpyHeader(rawTypes: options.rawTypes) { try source.prefix($0) }
          try header.add(TensorName(name), in: source, key: entry.name, to: &contents)
        } else {
          try contents.addPlaceholder(
            TensorName(entry.name), .data,
            "\(entry.size) bytes that are no array: the entry's name lacks \(Self.suffix), and it does "
              + "not begin as an npy file does")
        }
      } catch let error as CheckpointError {
        throw error.inEntry(entry.name)
      }
    }
    self.contents = contents
  }
}
