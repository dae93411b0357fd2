import Bytes
import CheckpointCore

/// The files that the values of a store lie in, by number. They are opened when they are read.
struct StoreFiles: Sendable {
  let folder: CheckpointFolder
  private var paths: [String] = []

  init(_ folder: CheckpointFolder) { self.folder = folder }

  /// Notes the file at `path` in the folder.
  mutating func add(_ path: String) -> Int {
    paths.append(path)
    return paths.count - 1
  }

  func open(_ number: Int) throws -> RandomAccessFile { try folder.file(paths[number]) }

  /// A part of a file; the caller has held it against the file's size.
  func source(_ number: Int, offset: Int, size: Int) throws -> FileSource {
    FileSource(file: try open(number), offset: offset, size: size)
  }
}
