import CheckpointCore

/// A place in a checkpoint where a mapping's tensors may be.
///
/// Flax keeps parameters and running statistics in collections, `params/…` and `batch_stats/…`. A
/// document names them with their collections or without; so may a file.
struct ParameterRoot: Hashable {
  /// The path of the subtree; `""` at the top.
  let prefix: TensorName
  /// Whether the subtree's first level are collections that the names are seen without.
  let hasCollections: Bool

  static let collections: [TensorName] = ["params", "batch_stats"]

  /// The entries that lie within, under their names there, and the others.
  func split(_ entries: [CheckpointEntry]) -> (
    inside: [CheckpointEntry], outside: [CheckpointEntry]
  ) {
    var inside: [CheckpointEntry] = []
    var outside: [CheckpointEntry] = []
    for entry in entries {
      if let name = name(of: entry.name) {
        inside.append(entry.renamed(name))
      } else {
        outside.append(entry)
      }
    }
    return (inside, outside)
  }

  private func name(of full: TensorName) -> TensorName? {
    guard let rest = prefix.isEmpty ? full : full.relative(to: prefix) else { return nil }
    guard hasCollections else { return rest }
    let bare = Self.withoutCollection(rest)
    return bare == rest ? nil : bare
  }

  /// A name behind its collection; the name itself where it begins with none.
  static func withoutCollection(_ name: TensorName) -> TensorName {
    for collection in collections where name.hasPrefix(collection) {
      if let rest = name.relative(to: collection), !rest.isEmpty { return rest }
    }
    return name
  }

  private static let maximumRoots = 16

  /// The places where any name of the mapping occurs, the fullest first. The top of the file is
  /// always one.
  static func candidates(
    _ entries: [CheckpointEntry], isExpected: (TensorName) -> Bool
  ) -> [ParameterRoot] {
    var counts = [ParameterRoot(prefix: "", hasCollections: false): 0]
    var statistics: Set<TensorName> = []
    for entry in entries {
      for (prefix, rest) in [("", entry.name)] + entry.name.groups {
        if isExpected(rest) {
          counts[.init(prefix: prefix, hasCollections: false), default: 0] += 1
        }
        let bare = withoutCollection(rest)
        // A document that writes the collections finds them by themselves.
        guard bare != rest, !isExpected(rest), isExpected(bare) else { continue }
        counts[.init(prefix: prefix, hasCollections: true), default: 0] += 1
        if !rest.hasPrefix(collections[0]) { statistics.insert(prefix) }
      }
    }
    // One collection alone is an ordinary subtree.
    let places = counts.filter { !$0.key.hasCollections || statistics.contains($0.key.prefix) }
    let ranked = places.sorted {
      ($1.value, $0.key.prefix, $1.key.hasCollections ? 1 : 0)
        < ($0.value, $1.key.prefix, $0.key.hasCollections ? 1 : 0)
    }.map(\.key)
    let top = ParameterRoot(prefix: "", hasCollections: false)
    let first = Array(ranked.prefix(maximumRoots))
    return first + (first.contains(top) ? [] : [top])
  }
}
