import Bytes
package import CheckpointCore

/// What tells the files of a checkpoint from other files of the same names, without reading them
/// whole.
package struct FileIdentity: Sendable, Hashable {
  /// SHA-256 of the files' names and sizes.
  package let layout: String
  /// SHA-256 of a few kilobytes of each: other weights differ nearly everywhere.
  package let samples: String
  /// When the newest was changed last, in nanoseconds since 1970. A copy may have another time.
  package let modified: Int

  /// - Parameters:
  ///   - paths: files, and folders with all that is in them.
  ///   - final: the path that the only one is to have, where it waits for its name.
  /// - Throws: `FileSystemError` where one cannot be read.
  package init(of paths: [String], named final: String? = nil) throws {
    var files: [(name: String, path: String)] = []
    for path in paths {
      let shown = final ?? path
      let name = shown.split(separator: "/").last.map(String.init) ?? shown
      if Folder.exists(path) {
        files += try Folder.files(below: path).map { ("\(name)/\($0)", "\(path)/\($0)") }
      } else {
        files.append((name, path))
      }
    }
    files.sort { TensorName($0.name) < TensorName($1.name) }
    let (layout, samples) = (SHA256(), SHA256())
    var newest = 0
    let step = max(1, (files.count + Self.sampledFiles - 1) / Self.sampledFiles)
    for (index, file) in files.enumerated() {
      let state = try FileState(of: file.path)
      newest = max(newest, state.modified)
      layout.update(Array("\(file.name.utf8.count) \(file.name) \(state.size)\n".utf8).span)
      guard index % step == 0 else { continue }
      let opened = try RandomAccessFile(path: file.path)
      for offset in Self.sampleOffsets(opened.size) {
        let bytes = try opened.read(at: offset, count: min(Self.sampleSize, opened.size - offset))
        samples.update(bytes.span)
      }
    }
    self.layout = hexadecimal(layout.finalize())
    self.samples = hexadecimal(samples.finalize())
    modified = newest
  }

  private static let sampledFiles = 64
  private static let sampleSize = 4096
  private static let samplesPerFile = 16

  /// Spread over the file, its first and its last bytes among them.
  private static func sampleOffsets(_ size: Int) -> [Int] {
    guard size > sampleSize * samplesPerFile else {
      return Array(stride(from: 0, to: size, by: sampleSize))
    }
    let last = size - sampleSize
    return (0..<samplesPerFile).map { last / (samplesPerFile - 1) * $0 }.dropLast() + [last]
  }
}

extension FileIdentity: RecordedOutcome {
  package var record: JSONValue {
    .object([
      "layout": .string(layout), "samples": .string(samples), "modified": .int(modified),
    ])
  }

  package init(record node: DocumentNode) throws {
    layout = try node.require("layout").string()
    samples = try node.require("samples").string()
    modified = try node.require("modified").int()
  }
}

extension FileIdentity {
  /// Whether two may be the same files.
  ///
  /// - Parameter allowingCopies: whether copies, which were written at another time, are the same.
  package func matches(_ other: FileIdentity, allowingCopies: Bool) -> Bool {
    layout == other.layout && samples == other.samples
      && (allowingCopies || modified == other.modified)
  }
}
