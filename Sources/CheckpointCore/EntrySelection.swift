/// The part of a checkpoint that a command looks at: a subtree, then the names that match.
public struct EntrySelection: Sendable {
  /// The path of a subtree, without a separator at its end; `nil` for the whole file.
  public var key: TensorName?
  /// Regular expressions of which a name must match one somewhere, where there are any.
  public var include: [String]
  /// Regular expressions of which a name must match none; they win over `include`.
  public var exclude: [String]

  public init(key: TensorName? = nil, include: [String] = [], exclude: [String] = []) {
    self.key = key
    self.include = include
    self.exclude = exclude
  }

  /// The selected entries of `entries`, in their order; names lose the subtree's path.
  package func select(_ entries: [CheckpointEntry]) throws -> [CheckpointEntry] {
    var selected = entries
    if let key {
      selected = subtree(of: selected, at: key)
      guard !selected.isEmpty else {
        throw CheckpointError(
          entry: key, "no entry of this checkpoint lies under that key",
          advice: suggestion(for: key, among: prefixes(of: entries))
            ?? "list the names with 'savi-ckpt ls'")
      }
    }
    let includes = try include.map(compile)
    let excludes = try exclude.map(compile)
    let selectsAll = includes.isEmpty && excludes.isEmpty
    let filtered =
      selectsAll
      ? selected
      : selected.filter { entry in
        let name = entry.name.text
        return (includes.isEmpty || includes.contains { name.firstMatch(of: $0) != nil })
          && !excludes.contains { name.firstMatch(of: $0) != nil }
      }
    guard !filtered.isEmpty || selected.isEmpty else {
      throw CheckpointError(
        "no entry of this checkpoint is left by --include and --exclude",
        advice: "list the names with 'savi-ckpt ls'")
    }
    // Within a file names are distinct.
    if let key, let twice = firstDuplicate(of: filtered) {
      throw CheckpointError(
        entry: twice, "two entries have this name below \(key)",
        advice: "choose one of them with --include")
    }
    return filtered
  }

  /// - Throws: `CheckpointError` of wrong usage where a pattern is no regular expression.
  package func checkPatterns() throws {
    for pattern in include + exclude { _ = try compile(pattern) }
  }

  /// `Regex` is not Sendable, so it is compiled where it is used.
  private func compile(_ pattern: String) throws -> Regex<AnyRegexOutput> {
    do {
      return try Regex(pattern)
    } catch {
      throw CheckpointError(kind: .usage, "'\(pattern)' is not a regular expression: \(error)")
    }
  }

  private func prefixes(of entries: [CheckpointEntry]) -> Set<TensorName> {
    Set(entries.lazy.flatMap { $0.name.groups.map(\.group) })
  }
}

/// The entries below `key`, under the names they have within it. The entry that is `key` itself
/// becomes the bare tensor `""`.
package func subtree(of entries: [CheckpointEntry], at key: TensorName) -> [CheckpointEntry] {
  entries.compactMap { entry in entry.name.relative(to: key).map(entry.renamed) }
}

/// The first name that two of `entries` have: `a/x` and `a.x` are both `x` below `a`.
package func firstDuplicate(of entries: [CheckpointEntry]) -> TensorName? {
  var names: Set<TensorName> = []
  return entries.first { !names.insert($0.name).inserted }?.name
}
