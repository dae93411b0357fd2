import Bytes
import CheckpointCore

/// The files of a distributed checkpoint, and what lies where in them.
struct DCPFiles: Sendable {
  /// How many there are.
  let count: Int
  private let folder: CheckpointFolder
  /// The tensors of the files whose tensors are in a safetensors file, by their paths.
  private var safetensors: [TensorName: SafetensorsReader] = [:]

  /// Looks for every file, and holds their sizes against what the metadata says of them.
  init(_ metadata: DCPMetadata, in folder: CheckpointFolder) throws {
    self.folder = folder
    let ranges = Dictionary(grouping: metadata.storages, by: \.path).mapValues {
      Set($0.map(\.range)).sorted {
        ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound)
      }
    }
    count = ranges.count
    let missing = ranges.keys.filter { !folder.isPresent($0.text) }.sorted()
    guard missing.isEmpty else {
      let shown = missing.prefix(4).map(\.text).joined(separator: ", ")
      throw CheckpointError(
        file: folder.path,
        "\(missing.count) of the \(count) files that the metadata names "
          + "\(missing.count == 1 ? "is" : "are") missing: \(shown)"
          + (missing.count > 4 ? ", …" : ""),
        advice: "fetch what is missing into this folder")
    }
    for (path, ranges) in ranges.sorted(by: { $0.key < $1.key }) {
      let file = try folder.file(path.text)
      do {
        if let start = try Self.check(ranges, of: file) {
          safetensors[path] = try SafetensorsReader(file.part(start..<file.size))
        }
      } catch let error as CheckpointError {
        throw error.inFile(file.path)
      }
    }
  }

  func path(of storage: DCPMetadata.Storage) -> String { folder.path(of: storage.path.text) }

  /// Holds the places of entries against the size of their file: each byte belongs to one.
  ///
  /// - Returns: where a safetensors file with all tensors begins, if there is one.
  private static func check(_ ranges: [Range<Int>], of file: RandomAccessFile) throws -> Int? {
    var ranges = ranges
    var start: Int?
    // All tensors of a safetensors file are said to begin where it does, behind the objects.
    if let last = ranges.last, last.lowerBound < file.size,
      try !isArchive(file, at: last.lowerBound)
    {
      ranges.removeAll { $0.lowerBound == last.lowerBound }
      ranges.append(last.lowerBound..<file.size)
      start = last.lowerBound
    }
    var end = 0
    for range in ranges {
      guard range.lowerBound == end else {
        throw damaged(
          range.lowerBound < end
            ? "two entries have byte \(range.lowerBound)"
            : "\(range.lowerBound - end) bytes from byte \(end) on belong to no entry")
      }
      end = range.upperBound
    }
    guard end == file.size else {
      throw damaged(
        end > file.size
          ? "its entries take \(end) bytes, and it has \(file.size)"
          : "\(file.size - end) bytes behind its last entry belong to none")
    }
    return start
  }

  private static func damaged(_ what: String) -> CheckpointError {
    CheckpointError(
      "this file is not what the checkpoint's metadata says: \(what)",
      advice: "it may be truncated, or of another checkpoint; fetch or save it again")
  }

  private static func isArchive(_ file: RandomAccessFile, at position: Int) throws -> Bool {
    do {
      return ZipArchive.matches(
        try file.read(at: position, count: min(4, file.size - position)))
    } catch {
      throw CheckpointError(error)
    }
  }

  /// The archive that is an entry.
  func archive(
    _ storage: DCPMetadata.Storage, of name: TensorName
  ) throws -> TorchZipReader {
    let file = try folder.file(storage.path.text)
    do {
      guard storage.range.upperBound <= file.size,
        try Self.isArchive(file, at: storage.range.lowerBound),
        let reader = try TorchZipReader.open(try ZipArchive(file.part(storage.range)))
      else { throw Self.damaged("no PyTorch archive at byte \(storage.range.lowerBound)") }
      return reader
    } catch let error as CheckpointError {
      throw error.inEntry(name.text).inFile(file.path)
    }
  }

  /// How the part of a tensor lies in its file.
  func tensor(
    _ storage: DCPMetadata.Storage, of name: TensorName
  ) throws -> (layout: ElementLayout, source: any StorageSource) {
    let file = try folder.file(storage.path.text)
    let stored: (layout: ElementLayout, source: any StorageSource)?
    if let tensors = safetensors[storage.path] {
      stored = tensors.contents.storage(of: name)
    } else {
      let archive = try archive(storage, of: name)
      stored = archive.entries.count == 1 ? archive.contents.storage(of: "") : nil
    }
    guard let stored else {
      throw CheckpointError(
        file: file.path, entry: name, "at byte \(storage.range.lowerBound) there is no such tensor",
        advice: "metadata and files belong to different checkpoints; fetch or save them again")
    }
    return stored
  }
}
