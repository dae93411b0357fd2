import CheckpointCore

/// How far the surroundings of two modules belong together: the share of what lies around one that is
/// made from what lies around the other.
struct Kinship {
  private struct Link: Hashable {
    let source: String
    let target: String
  }

  private var shared: [Link: Int] = [:]
  private var ofSource: [String: Int] = [:]
  private var ofTarget: [String: Int] = [:]

  /// - Parameter rules: what is known of the two sides.
  init(_ rules: [DraftRule]) {
    for rule in rules {
      guard let from = rule.sources.first, let to = rule.targets.first else { continue }
      let groups = (Self.groups(NameParts.split(from)), Self.groups(NameParts.split(to)))
      for group in groups.0 { ofSource[group, default: 0] += 1 }
      for group in groups.1 { ofTarget[group, default: 0] += 1 }
      for own in groups.0 {
        for other in groups.1 { shared[Link(source: own, target: other), default: 0] += 1 }
      }
    }
  }

  /// The groups that a path lies in.
  private static func groups(_ path: [String]) -> [String] {
    path.indices.dropFirst().map { path[..<$0].joined(separator: "/") }
  }

  /// From 0, nothing is known or nothing in common, to 1, all that is known.
  func degree(_ source: [String], _ target: [String]) -> Double {
    let own = source.dropLast().joined(separator: "/")
    let other = target.dropLast().joined(separator: "/")
    guard let count = shared[Link(source: own, target: other)] else { return 0 }
    return Double(count) / Double(max(ofSource[own] ?? 0, ofTarget[other] ?? 0))
  }
}
