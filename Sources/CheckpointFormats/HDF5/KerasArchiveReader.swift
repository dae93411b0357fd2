import Bytes
import CheckpointCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A Keras 3 model: a zip of `model.weights.h5`, `config.json` and `metadata.json`.
///
/// The weights are copied to a temporary file, for libhdf5 reads files only; it loses its name as
/// soon as it is described. Source:
/// keras/src/saving/saving_lib.py.
enum KerasArchiveReader {
  private static let maximumConfigurationSize = 64 << 20

  /// `nil` where the archive holds no HDF5 weights.
  static func open(_ archive: ZipArchive) throws -> HDF5Reader? {
    guard let weights = archive.entries.first(where: { $0.name.hasSuffix("weights.h5") }) else {
      return nil
    }
    let copy = try TemporaryCopy(of: ZipEntrySource(archive, weights, .required))
    let file: RandomAccessFile
    do {
      file = try RandomAccessFile(path: copy.path, losesName: true)
    } catch {
      throw CheckpointError(error)
    }
    var extra: [(name: String, reason: String)] = []
    for entry in archive.entries where entry.name != weights.name {
      extra.append((entry.name, try describe(entry, archive)))
    }
    // The name is there as long as the copy is.
    return try withExtendedLifetime(copy) {
      try HDF5Reader(file, path: copy.path, description: "Keras archive", extra: extra)
    }
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

/// A file in the temporary folder that is removed when this goes, or on an interrupt.
private final class TemporaryCopy {
  let path: String

  init(of source: some StorageSource) throws {
    let folder = Machine.environment("TMPDIR") ?? "/tmp"
    let descriptor: CInt
    do {
      (path, descriptor) = try TemporaryFiles.shared.createUnique(folder + "/savi-ckpt-")
    } catch {
      throw CheckpointError(error)
    }
    defer { close(descriptor) }
    try source.stream(0..<source.size, chunkSize: Streaming.chunkSize) { chunk in
      var done = 0
      while done < chunk.count {
        let count = unsafe chunk.withUnsafeBytes { buffer in
          unsafe write(descriptor, buffer.baseAddress! + done, buffer.count - done)
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          throw CheckpointError(FileSystemError(action: "write to", path: folder, code: errno))
        }
        done += count
      }
    }
  }

  deinit { TemporaryFiles.shared.remove(path) }
}
