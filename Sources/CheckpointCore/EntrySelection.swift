/// The part of a checkpoint that a command looks at: a subtree, then the names that match.
public struct EntrySelection: Sendable {
  /// The path of a subtree, without a separator at its end; `nil` for the whole file.
  public var key: String?
  public var include: [String]
  public var exclude: [String]

  public init(key: String? = nil, include: [String] = [], exclude: [String] = []) {
    self.key = key
    self.include = include
    self.exclude = exclude
  }

  /// The selected entries of `entries`, in their order; names lose the subtree's path.
  public func select(_ entries: [CheckpointEntry]) throws -> [CheckpointEntry] {
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
    let filtered = selected.filter { entry in
      (includes.isEmpty || includes.contains { entry.name.firstMatch(of: $0) != nil })
        && !excludes.contains { entry.name.firstMatch(of: $0) != nil }
    }
    guard !filtered.isEmpty || selected.isEmpty else {
      throw CheckpointError(
        "no entry of this checkpoint is left by --include and --exclude",
        advice: "list the names with 'savi-ckpt ls'")
    }
    if let twice = firstDuplicate(of: filtered) {
      throw CheckpointError(
        entry: twice, "two entries have this name below \(key ?? "the top")",
        advice: "choose one of them with --include")
    }
    return filtered
  }

  /// `Regex` is not Sendable, so it is compiled where it is used.
  private func compile(_ pattern: String) throws -> Regex<AnyRegexOutput> {
    do {
      return try Regex(pattern)
    } catch {
      throw CheckpointError(kind: .usage, "'\(pattern)' is not a regular expression: \(error)")
    }
  }

  private func prefixes(of entries: [CheckpointEntry]) -> Set<String> {
    var result: Set<String> = []
    for entry in entries {
      for index in entry.name.indices where isSeparator(entry.name[index]) {
        result.insert(String(entry.name[..<index]))
      }
    }
    return result
  }
}

/// `/` and `.` both join names; a subtree's key is matched against either.
private func isSeparator(_ character: Character) -> Bool { character == "/" || character == "." }

/// The entries below `key`, under the names they have within it. The entry that is `key` itself
/// becomes the bare tensor `""`.
public func subtree(of entries: [CheckpointEntry], at key: String) -> [CheckpointEntry] {
  entries.compactMap { entry in
    if entry.name == key { return entry.renamed("") }
    guard entry.name.hasPrefix(key) else { return nil }
    let rest = entry.name.dropFirst(key.count)
    guard let separator = rest.first, isSeparator(separator) else { return nil }
    return entry.renamed(String(rest.dropFirst()))
  }
}

/// The first name that two of `entries` have: `a/x` and `a.x` are both `x` below `a`.
public func firstDuplicate(of entries: [CheckpointEntry]) -> String? {
  var names: Set<String> = []
  return entries.first { !names.insert($0.name).inserted }?.name
}
