import Bytes
import CheckpointCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A Keras 3 model: a zip of `model.weights.h5`, `config.json` and `metadata.json`.
///
/// The weights are copied to an unnamed temporary file, for libhdf5 reads files only. Source:
/// keras/src/saving/saving_lib.py.
enum KerasArchiveReader {
  private static let maximumConfigurationSize = 64 << 20

  /// `nil` where the archive holds no HDF5 weights.
  static func open(_ archive: ZipArchive) throws -> HDF5Reader? {
    guard let weights = archive.entries.first(where: { $0.name.hasSuffix("weights.h5") }) else {
      return nil
    }
    let copy = try UnnamedFile()
    try copy.fill(from: ZipEntrySource(archive, weights, .required))
    let file: RandomAccessFile
    do {
      file = try RandomAccessFile(path: copy.path)
    } catch {
      throw CheckpointError(error)
    }
    var extra: [(name: String, reason: String)] = []
    for entry in archive.entries where entry.name != weights.name {
      extra.append((entry.name, try describe(entry, archive)))
    }
    return try HDF5Reader(file, path: copy.path, description: "Keras archive", extra: extra)
  }

  /// The configuration's beginning: the class and name of the model stand there.
  private static func describe(_ entry: ZipArchive.Entry, _ archive: ZipArchive) throws -> String {
    guard entry.name.hasSuffix(".json"), entry.size <= maximumConfigurationSize else {
      return "\(entry.size) bytes"
    }
    let source = ZipEntrySource(archive, entry, .required)
    let text = String(decoding: try source.read(0..<entry.size), as: UTF8.self)
    return text.count > 200 ? text.prefix(200) + "…" : text
  }
}

/// A file that has no name and so is gone when it is closed.
private final class UnnamedFile {
  private let descriptor: CInt
  /// A path that opens the file again, in this process and its children.
  var path: String { "/dev/fd/\(descriptor)" }

  init() throws {
    let folder = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    var template = Array((folder + "/savi-ckpt-XXXXXX").utf8CString)
    descriptor = unsafe mkstemp(&template)
    guard descriptor >= 0 else {
      throw CheckpointError(FileSystemError(action: "create a file in", path: folder, code: errno))
    }
    unsafe unlink(template)
  }

  deinit { close(descriptor) }

  func fill(from source: some StorageSource) throws {
    try source.stream(0..<source.size, chunkSize: Streaming.chunkSize) { chunk in
      var done = 0
      while done < chunk.count {
        let count = unsafe chunk.withUnsafeBytes { buffer in
          unsafe write(descriptor, buffer.baseAddress! + done, buffer.count - done)
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          throw CheckpointError(
            FileSystemError(action: "write to", path: "the temporary folder", code: errno))
        }
        done += count
      }
    }
  }
}
