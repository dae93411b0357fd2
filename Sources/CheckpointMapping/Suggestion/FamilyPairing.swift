/// Pairs whole numbered families of two sides: modules, or tensors, whose paths differ in numbers
/// alone. What a thousand layers share is decided once.
struct FamilyPairing {
  /// A module or tensor, with what its counterpart must look like.
  struct Item {
    let path: [String]
    let key: String
  }

  /// Members of one family that are each other's counterpart, by their places in the two lists.
  struct Pair {
    let source: Int
    let target: Int
    let evidence: DraftRule.Evidence
  }

  private struct Family {
    let words: [[String]]
    /// In the order of their numbers.
    let members: [Int]
    let numbers: [[Int]]
    let first: NameParts
  }

  private struct FamilyKey: Hashable {
    let words: [[String]]
    let key: String
  }

  /// - Returns: the pairs of families that nothing rivals; the rest is left to be paired singly.
  static func pairs(_ sources: [Item], _ targets: [Item]) -> [Pair] {
    let own = families(sources)
    let others = families(targets)
    var graph = MatchGraph()
    var found: [MatchGraph.Edge: (source: Family, target: Family)] = [:]
    var parts: (source: [NameParts], target: [NameParts]) = ([], [])
    for (key, candidates) in others.sorted(by: { $0.key < $1.key }) {
      for source in own[key] ?? [] {
        for target in candidates where isAlike(source, target) {
          let edge = graph.connect(
            identity(source, sources), identity(target, targets))
          if edge.source == parts.source.count { parts.source.append(source.first) }
          if edge.target == parts.target.count { parts.target.append(target.first) }
          if found[edge] == nil { found[edge] = (source, target) }
        }
      }
    }
    let pairs = graph.pairs(
      source: parts.source, target: parts.target, pinned: [], kinship: { _, _ in 0 })
    return pairs.flatMap { pair in
      guard pair.rivals.isEmpty, let (source, target) = found[pair.edge] else { return [Pair]() }
      return zip(source.members, target.members).map {
        Pair(source: $0, target: $1, evidence: pair.evidence)
      }
    }
  }

  /// What tells a family from others that it shares modules with: its members.
  private static func identity(_ family: Family, _ items: [Item]) -> [String] {
    items[family.members[0]].path + ["#\(family.members.count)"]
  }

  /// Families of one member are no families.
  private static func families(_ items: [Item]) -> [String: [Family]] {
    let parts = DraftSide.parts(items.map { $0.path[...] })
    let groups = Dictionary(grouping: items.indices) {
      FamilyKey(words: parts[$0].words, key: items[$0].key)
    }
    var result: [String: [Family]] = [:]
    for (group, members) in groups where members.count > 1 {
      let sorted = members.sorted {
        parts[$0].numbers.lexicographicallyPrecedes(parts[$1].numbers)
      }
      result[group.key, default: []].append(
        Family(
          words: group.words, members: sorted, numbers: sorted.map { parts[$0].numbers },
          first: parts[sorted[0]]))
    }
    return result.mapValues { list in
      list.sorted { $0.words.joined().lexicographicallyPrecedes($1.words.joined()) }
    }
  }

  /// Whether the members can be paired in the order of their numbers: where both count in as many
  /// places, the numbers are the same.
  private static func isAlike(_ a: Family, _ b: Family) -> Bool {
    guard a.members.count == b.members.count, Set(a.numbers).count == a.numbers.count,
      Set(b.numbers).count == b.numbers.count
    else { return false }
    return a.numbers[0].count != b.numbers[0].count || a.numbers == b.numbers
  }
}
