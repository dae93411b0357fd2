import Bytes
import CheckpointCore
import CheckpointFormats

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The checkpoints that a fleet's command line names.
enum FleetList {
  /// The paths of all checkpoints, each once, in the order in which they are named.
  ///
  /// - Throws: `CheckpointError` or `FileSystemError` where a folder or a list cannot be read, or a
  ///   pattern fits nothing.
  static func paths(_ arguments: [String]) throws -> [String] {
    var seen: Set<TensorName> = []
    return try arguments.flatMap(expanded).filter { seen.insert(TensorName($0)).inserted }
  }

  private static func expanded(_ argument: String) throws -> [String] {
    if argument == "-" { return try lines(of: "/dev/stdin", limit: nil).flatMap(places) }
    if Folder.exists(argument) { return try places(argument) }
    guard (try? FileState(of: argument)) != nil else {
      return isPattern(argument) ? try places(argument) : [argument]
    }
    guard isList(argument) else { return [argument] }
    return try lines(of: argument, limit: maximumListSize).flatMap(places)
  }

  /// More than the paths of any fleet.
  private static let maximumListSize = 1 << 30

  /// Whether a file is a list of checkpoints rather than one: by its name, or because its first entry
  /// is the path of something, or a pattern.
  private static func isList(_ path: String) -> Bool {
    if [".txt", ".list", ".lst"].contains(where: path.hasSuffix) { return true }
    guard let file = try? RandomAccessFile(path: path),
      let start = try? file.readPrefix(min(file.size, 1 << 16)),
      let line = start.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == 0 })
        .first(where: { $0.first != comment }),
      let entry = String(validating: line, as: UTF8.self)?.split(whereSeparator: isSeparator).first
    else { return false }
    // A brace begins an index of shards.
    return (try? FileState(of: String(entry))) != nil
      || isPattern(String(entry)) && !entry.hasPrefix("{")
  }

  /// Lines end with newlines, or with zero bytes as `find -print0` writes them.
  private static func isSeparator(_ character: Character) -> Bool {
    character.isNewline || character == "\0"
  }

  private static let comment = UInt8(ascii: "#")

  /// The lines of a list, without empty ones and those that begin with `#`.
  private static func lines(of path: String, limit: Int?) throws -> [String] {
    let bytes =
      try limit.map {
        try DocumentFile.read(path, limit: $0, kind: "a list of checkpoints")
      } ?? Machine.readAll(0)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CheckpointError(
        file: path, "this is no list: it is not UTF-8 text", advice: "write a path on each line")
    }
    let entries = text.trimmingPrefix("\u{FEFF}").split(whereSeparator: isSeparator)
    return entries.filter { $0.utf8.first != comment }.map(String.init)
  }

  private static func isPattern(_ text: String) -> Bool {
    text.contains { "*?[".contains($0) }
  }

  /// The checkpoints at and below a path, or at all that a pattern fits.
  private static func places(_ path: String) throws -> [String] {
    if Folder.exists(path) { return try Checkpoint.all(below: path) }
    guard (try? FileState(of: path)) == nil, isPattern(path) else { return [path] }
    let found = try matches(path)
    guard !found.isEmpty else {
      throw CheckpointError(file: path, "this pattern fits nothing")
    }
    return try found.flatMap { try Checkpoint.all(below: $0) }
  }

  private static func matches(_ pattern: String) throws -> [String] {
    var result = unsafe glob_t()
    defer { unsafe globfree(&result) }
    let code = unsafe glob(pattern, 0, nil, &result)
    guard code == 0 || code == GLOB_NOMATCH else {
      throw CheckpointError(file: pattern, "the folders of this pattern cannot be read")
    }
    return (0..<Int(unsafe result.gl_pathc)).compactMap { index in
      unsafe result.gl_pathv[index].map { unsafe String(cString: $0) }
    }
  }
}
