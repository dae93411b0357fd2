import Bytes
import CheckpointCore

/// Recognises a file by its content, never by its name.
enum FormatDetection {
  /// Enough for every signature below.
  private static let prefixLength = 512

  static func open(_ file: RandomAccessFile, options: ReadOptions) throws -> any CheckpointReader {
    let prefix: [UInt8]
    do {
      prefix = try file.readPrefix(prefixLength)
    } catch {
      throw CheckpointError(error)
    }
    if let problem = notACheckpoint(prefix) { throw problem }
    let found = content(of: prefix)
    switch options.format {
    case .npy: return try NpyReader(file, options: options)
    case .npz: return try openNpz(try archive(file, prefix), options)
    case .torch: return try openTorch(try archive(file, prefix))
    case nil: break
    }
    switch found {
    case .npy: return try NpyReader(file, options: options)
    case .zip: return try openZip(try archive(file, prefix), options)
    case .known(let what):
      throw CheckpointError(
        "this is \(what), which is not read", advice: "supported formats: \(supported)")
    case .unknown:
      throw CheckpointError(
        "the format of this file is not known (it begins with \(hexDump(prefix)))",
        advice: "supported formats: \(supported)")
    }
  }

  private static let supported = FormatName.allCases.map(\.rawValue).joined(separator: ", ")

  private enum Content {
    case npy, zip
    case known(String)
    case unknown
  }

  private static func content(of prefix: [UInt8]) -> Content {
    if prefix.starts(with: NpyHeader.magic) { return .npy }
    if prefix.starts(with: [0x50, 0x4B, 0x03, 0x04])
      || prefix.starts(with: [0x50, 0x4B, 0x05, 0x06])
    {
      return .zip
    }
    if prefix.starts(with: [0x89] + "HDF\r\n\u{1A}\n".utf8) { return .known("an HDF5 file") }
    if prefix.count > 8, prefix[8] == UInt8(ascii: "{"), prefix[4..<8].allSatisfy({ $0 == 0 }) {
      return .known("a safetensors file")
    }
    if prefix.first == PickleOpcode.proto.rawValue, prefix.count > 1, prefix[1] <= 5 {
      return .known("a bare pickle (PyTorch before 1.6, or Python's own)")
    }
    if prefix.starts(with: "GGUF".utf8) { return .known("a GGUF file") }
    return .unknown
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
    let text = String(decoding: prefix, as: UTF8.self).drop(while: \.isWhitespace).lowercased()
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

  private static func archive(_ file: RandomAccessFile, _ prefix: [UInt8]) throws -> ZipArchive {
    guard case .zip = content(of: prefix) else {
      throw CheckpointError(
        "this is no zip archive (it begins with \(hexDump(prefix)))",
        advice: "leave out --format to have the format recognised")
    }
    return try ZipArchive(file)
  }

  private static func openZip(
    _ archive: ZipArchive, _ options: ReadOptions
  ) throws -> any CheckpointReader {
    if TorchZipReader.root(of: archive) != nil { return try openTorch(archive) }
    let isNpz = archive.entries.isEmpty || archive.entries.contains { $0.name.hasSuffix(".npy") }
    guard isNpz else {
      let names = archive.entries.prefix(3).map(\.name).joined(separator: ", ")
      throw CheckpointError(
        "this zip archive holds neither .npy arrays nor a PyTorch data.pkl, but \(names)"
          + (archive.entries.count > 3 ? ", …" : ""),
        advice: "supported formats: \(supported)")
    }
    return try openNpz(archive, options)
  }

  private static func openNpz(
    _ archive: ZipArchive, _ options: ReadOptions
  ) throws -> any CheckpointReader {
    try NpzReader(archive, options: options)
  }

  private static func openTorch(_ archive: ZipArchive) throws -> any CheckpointReader {
    guard let root = TorchZipReader.root(of: archive) else {
      throw CheckpointError(
        "there is no data.pkl in this archive",
        advice: "leave out --format to have the format recognised")
    }
    return try TorchZipReader(archive, root: root)
  }

  private static func hexDump(_ prefix: [UInt8]) -> String {
    prefix.prefix(8).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined(separator: " ")
  }
}
