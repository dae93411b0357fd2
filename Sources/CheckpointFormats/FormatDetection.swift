import Bytes
import CheckpointCore

/// A file whose format is being found out. A zip archive is opened once for all who ask.
final class CandidateFile {
  let file: RandomAccessFile
  /// Where the other files of the checkpoint are; `nil` where there are to be none.
  let folder: CheckpointFolder?
  let options: ReadOptions
  /// The first bytes, enough for every signature.
  let prefix: [UInt8]
  private var opened: ZipArchive?

  init(
    _ file: RandomAccessFile, in folder: CheckpointFolder?, _ options: ReadOptions, prefix: [UInt8]
  ) {
    self.file = file
    self.folder = folder
    self.options = options
    self.prefix = prefix
  }

  func archive() throws -> ZipArchive {
    if let opened { return opened }
    let archive = try ZipArchive(file)
    opened = archive
    return archive
  }
}

/// Recognises a file by its content, never by its name.
enum FormatDetection {
  /// Enough for every signature; HDF5's may stand behind a user block.
  private static let prefixLength = (64 << 10) + 8

  /// Opens a file.
  ///
  /// - Parameter folder: where others are that it may be the index of; `nil` for a file that is to be
  ///   all of a checkpoint, or one of those that an index names.
  static func open(
    _ file: RandomAccessFile, in folder: CheckpointFolder?, options: ReadOptions
  ) throws -> any CheckpointReader {
    let prefix: [UInt8]
    do {
      prefix = try file.readPrefix(prefixLength)
    } catch {
      throw CheckpointError(error)
    }
    if let problem = notACheckpoint(prefix) { throw problem }
    try DCPReader.refusePart(file.path)
    let opened = CandidateFile(file, in: folder, options, prefix: prefix)
    let wanted = FormatRegistry.files.filter {
      options.format == nil || $0.name == nil || $0.name == options.format
    }
    for candidate in wanted where candidate.matches(prefix) {
      guard let reader = try candidate.open(opened) else { continue }
      if options.format == nil || reader.format == options.format { return reader }
    }
    if let format = options.format {
      throw CheckpointError(
        "this is no \(format.rawValue) file (it begins with \(hexDump(prefix)))",
        advice: "leave out --format to have the format recognised")
    }
    if ZipArchive.matches(prefix) { throw unknownZip(try opened.archive()) }
    if let foreign = try ForeignFormat.refusal(of: file, prefix) { throw foreign }
    throw CheckpointError(
      "the format of this file is not known (it begins with \(hexDump(prefix)))",
      advice: "supported formats: \(supported)")
  }

  /// The format whose checkpoint `folder` is.
  static func folderFormat(
    of folder: CheckpointFolder, _ options: ReadOptions
  ) -> FolderFormat? {
    FormatRegistry.folders.first {
      (options.format == nil || $0.name == options.format) && $0.matches(folder)
    }
  }

  private static var supported: String {
    FormatRegistry.names.map(\.rawValue).joined(separator: ", ")
  }

  private static func unknownZip(_ archive: ZipArchive) -> CheckpointError {
    let names = archive.entries.map(\.name)
    return CheckpointError(
      "this zip archive holds neither .npy arrays nor a PyTorch data.pkl, but "
        + names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : ""),
      advice: "supported formats: \(supported)")
  }

  /// One plain sentence for what people hand over by mistake.
  private static func notACheckpoint(_ prefix: [UInt8]) -> CheckpointError? {
    if prefix.isEmpty {
      return CheckpointError("this file is empty", advice: "fetch or save it again")
    }
    if GitLFSPointer.matches(prefix) { return GitLFSPointer.refusal }
    let text = String(decoding: prefix.prefix(512), as: UTF8.self).drop(while: \.isWhitespace)
      .lowercased()
    if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") {
      return CheckpointError(
        "this is an HTML page, not a checkpoint: a download that gave a web page",
        advice: "fetch the file itself (its 'raw' or 'resolve' address)")
    }
    let compressions: [([UInt8], String, String)] = [
      ([0x1F, 0x8B], "gzip", "gunzip"), ([0x28, 0xB5, 0x2F, 0xFD], "zstd", "unzstd"),
      ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "xz", "unxz"), (Array("BZh".utf8), "bzip2", "bunzip2"),
    ]
    for (magic, name, tool) in compressions where prefix.starts(with: magic) {
      return CheckpointError(
        "this file is compressed with \(name)", advice: "unpack it first, with \(tool)")
    }
    return nil
  }

  private static func hexDump(_ prefix: [UInt8]) -> String {
    prefix.prefix(8).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined(separator: " ")
  }
}
