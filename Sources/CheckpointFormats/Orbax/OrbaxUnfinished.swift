import CheckpointCore

/// What Orbax has not finished writing: a folder gets its name when all is in it, and has another until
/// then, `NAME.orbax-checkpoint-tmp` or `NAME.orbax-checkpoint-tmp-NUMBER`.
/// Source: orbax/checkpoint/_src/path/atomicity.py.
enum OrbaxUnfinished {
  private static let mark = ".orbax-checkpoint-tmp"

  static let reason = "a folder that Orbax had not finished writing"

  static func isName(_ name: String) -> Bool { name.contains(mark) }

  /// - Throws: `CheckpointError` where the folder at `path` still has the name.
  static func refuse(_ path: String) throws {
    guard let name = path.split(separator: "/").last, isName(String(name)) else { return }
    throw CheckpointError(
      file: path, "Orbax had not finished writing this checkpoint: parts of it may be missing",
      advice: "take another step or save it again")
  }
}
