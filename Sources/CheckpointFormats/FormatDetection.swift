import Bytes
import CheckpointCore

/// One way to recognise and open a file. The list below is the only place that knows them all.
struct FormatCandidate: Sendable {
  let name: FormatName
  /// Whether the first bytes of a file are this format's.
  let matches: @Sendable (_ prefix: [UInt8]) -> Bool
  /// Opens the file; `nil` where a container turns out to hold another format.
  let open: @Sendable (CandidateFile) throws -> (any CheckpointReader)?
}

/// A file whose format is being found out. A zip archive is opened once for all who ask.
final class CandidateFile {
  let file: RandomAccessFile
  let options: ReadOptions
  /// The first bytes, enough for every signature.
  let prefix: [UInt8]
  private var opened: ZipArchive?

  init(_ file: RandomAccessFile, _ options: ReadOptions, prefix: [UInt8]) {
    self.file = file
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

  /// In order: the formats with a magic number first, the guesses last.
  private static let candidates: [FormatCandidate] = [
    FormatCandidate(name: .npy, matches: { $0.starts(with: NpyHeader.magic) }) {
      try NpyReader($0.file, options: $0.options)
    },
    FormatCandidate(name: .torch, matches: ZipArchive.matches) {
      try TorchZipReader.open(try $0.archive())
    },
    FormatCandidate(name: .hdf5, matches: ZipArchive.matches) {
      try KerasArchiveReader.open(try $0.archive())
    },
    FormatCandidate(name: .npz, matches: ZipArchive.matches) {
      try NpzReader.open(try $0.archive(), $0.options)
    },
    FormatCandidate(name: .hdf5, matches: HDF5Reader.matches) { try HDF5Reader($0.file) },
    FormatCandidate(name: .safetensors, matches: SafetensorsHeader.matches) {
      try SafetensorsReader($0.file)
    },
    FormatCandidate(name: .safetensors, matches: SafetensorsIndex.matches) {
      try SafetensorsShardsReader(indexFile: $0.file)
    },
    FormatCandidate(name: .torch, matches: TorchLegacyReader.matches) {
      try TorchLegacyReader($0.file)
    },
    FormatCandidate(name: .torch, matches: TorchTarReader.matches) { try TorchTarReader($0.file) },
    FormatCandidate(name: .flax, matches: FlaxReader.matches) {
      try FlaxReader.open($0.file, prefix: $0.prefix)
    },
  ]

  static func open(_ file: RandomAccessFile, options: ReadOptions) throws -> any CheckpointReader {
    let prefix: [UInt8]
    do {
      prefix = try file.readPrefix(prefixLength)
    } catch {
      throw CheckpointError(error)
    }
    if let problem = notACheckpoint(prefix) { throw problem }
    let opened = CandidateFile(file, options, prefix: prefix)
    let wanted = candidates.filter { options.format == nil || $0.name == options.format }
    for candidate in wanted where candidate.matches(prefix) {
      if let reader = try candidate.open(opened) { return reader }
    }
    if let format = options.format {
      throw CheckpointError(
        "this is no \(format.rawValue) file (it begins with \(hexDump(prefix)))",
        advice: "leave out --format to have the format recognised")
    }
    if ZipArchive.matches(prefix) { throw unknownZip(try opened.archive()) }
    throw CheckpointError(
      "the format of this file is not known (it begins with \(hexDump(prefix)))",
      advice: "supported formats: \(supported)")
  }

  private static let supported = FormatName.allCases.map(\.rawValue).joined(separator: ", ")

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
    if prefix.starts(with: "version https://git-lfs.github.com/spec/".utf8) {
      return CheckpointError(
        "this is a git-LFS pointer, not the file it stands for", advice: "run 'git lfs pull'")
    }
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
    if prefix.starts(with: "GGUF".utf8) {
      return CheckpointError(
        "this is a GGUF file, which is not read", advice: "supported formats: \(supported)")
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
