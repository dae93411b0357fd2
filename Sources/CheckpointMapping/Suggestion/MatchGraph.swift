import CheckpointCore

/// Which modules, or tensors, of two files could be each other's counterpart.
struct MatchGraph {
  struct Edge: Hashable {
    let source: Int
    let target: Int
  }

  /// A pair that was chosen, and how sure it is.
  struct Pair {
    let edge: Edge
    let evidence: DraftRule.Evidence
    /// Other sources that the target might as well be made from.
    let rivals: [Int]
  }

  private(set) var sources: [[String]] = []
  private(set) var targets: [[String]] = []
  private var sourceIndex: [[String]: Int] = [:]
  private var targetIndex: [[String]: Int] = [:]
  private var neighbours: [[Int]] = []
  private var edges: Set<Edge> = []

  mutating func connect(_ source: [String], _ target: [String]) -> Edge {
    let from = sourceIndex[source] ?? sources.count
    if from == sources.count {
      sourceIndex[source] = from
      sources.append(source)
      neighbours.append([])
    }
    let to = targetIndex[target] ?? targets.count
    if to == targets.count {
      targetIndex[target] = to
      targets.append(target)
    }
    let edge = Edge(source: from, target: to)
    if edges.insert(edge).inserted { neighbours[from].append(to) }
    return edge
  }

  /// The best whole assignment.
  ///
  /// - Parameters:
  ///   - isStrict: whether a pair without any likeness of names is left out.
  ///   - kinship: how far what surrounds two paths belongs together, from 0 to 1.
  func pairs(
    source: [NameParts], target: [NameParts], pinned: Set<Edge>, isStrict: Bool = false,
    kinship: ([String], [String]) -> Double
  ) -> [Pair] {
    var result = pinned.map { Pair(edge: $0, evidence: .names, rivals: []) }
    var sourceIsDone = [Bool](repeating: false, count: sources.count)
    var targetIsDone = [Bool](repeating: false, count: targets.count)
    for edge in pinned {
      sourceIsDone[edge.source] = true
      targetIsDone[edge.target] = true
    }
    result += exact(source, target, &sourceIsDone, &targetIsDone)
    for component in components(sourceIsDone, targetIsDone) {
      result += solve(component, source, target, isStrict: isStrict, kinship)
    }
    return result.sorted { ($0.edge.target, $0.edge.source) < ($1.edge.target, $1.edge.source) }
  }

  /// Paths that are the same but for words that say the same.
  private func exact(
    _ source: [NameParts], _ target: [NameParts], _ sourceIsDone: inout [Bool],
    _ targetIsDone: inout [Bool]
  ) -> [Pair] {
    let bySource = Dictionary(grouping: sources.indices) { source[$0] }
    let byTarget = Dictionary(grouping: targets.indices) { target[$0] }
    var result: [Pair] = []
    for (parts, own) in bySource.sorted(by: { $0.value[0] < $1.value[0] }) {
      guard own.count == 1, let others = byTarget[parts], others.count == 1,
        !sourceIsDone[own[0]], !targetIsDone[others[0]], neighbours[own[0]].contains(others[0])
      else { continue }
      sourceIsDone[own[0]] = true
      targetIsDone[others[0]] = true
      result.append(
        Pair(edge: Edge(source: own[0], target: others[0]), evidence: .names, rivals: []))
    }
    return result
  }

  /// The parts of the graph that are not connected with one another.
  private func components(
    _ sourceIsDone: [Bool], _ targetIsDone: [Bool]
  ) -> [(sources: [Int], targets: [Int])] {
    var ofTarget: [Int: [Int]] = [:]
    for source in sources.indices where !sourceIsDone[source] {
      for target in neighbours[source] where !targetIsDone[target] {
        ofTarget[target, default: []].append(source)
      }
    }
    var seen: Set<Int> = []
    var result: [(sources: [Int], targets: [Int])] = []
    for start in sources.indices where !sourceIsDone[start] && seen.insert(start).inserted {
      var own: [Int] = []
      var others: Set<Int> = []
      var queue = [start]
      while let next = queue.popLast() {
        own.append(next)
        for target in neighbours[next] where !targetIsDone[target] && others.insert(target).inserted
        {
          for source in ofTarget[target] ?? [] where seen.insert(source).inserted {
            queue.append(source)
          }
        }
      }
      if !others.isEmpty { result.append((own.sorted(), others.sorted())) }
    }
    return result
  }

  /// How much better than any other a pair must be to be told by its name.
  private static let margin = 0.02
  /// What order alone adds, so that names that tell nothing are paired in order.
  private static let orderWeight = 0.01
  private static let minimumLikeness = 0.2
  /// What surroundings that wholly belong together add to the likeness of names.
  private static let kinshipWeight = 0.3

  private func solve(
    _ component: (sources: [Int], targets: [Int]), _ source: [NameParts], _ target: [NameParts],
    isStrict: Bool, _ kinship: ([String], [String]) -> Double
  ) -> [Pair] {
    let sourceOrder = natural(component.sources, sources)
    let (rows, columns) = (component.sources, component.targets)
    let allowed = rows.map { Set(neighbours[$0]) }
    let likeness = rows.enumerated().map { row, index in
      columns.map { column in
        allowed[row].contains(column)
          ? source[index].similarity(to: target[column])
            + Self.kinshipWeight * kinship(sources[index], targets[column]) : nil
      }
    }
    let chosen = Assignment.best(rows: rows.count, columns: columns.count) { row, column in
      guard let score = likeness[row][column],
        !isStrict || score >= Self.minimumLikeness
      else { return nil }
      let places = (
        Double(sourceOrder[rows[row]] ?? 0) / Double(rows.count),
        Double(column) / Double(columns.count)
      )
      return 1 + score + Self.orderWeight * (1 - abs(places.0 - places.1))
    }
    let families = NumberedFamilies(
      rows: rows.map { source[$0] }, columns: columns.map { target[$0] },
      rowOrder: rows.map { sourceOrder[$0] ?? 0 }, chosen: chosen)
    return chosen.enumerated().compactMap { row, column in
      guard let column, let own = likeness[row][column] else { return nil }
      // Within a family on both sides, numbers in the same order tell.
      let isOrdered = families.isOrdered(row)
      let rivals = rows.indices.filter { other in
        other != row && (likeness[other][column] ?? -1) > own - Self.margin
          && !(isOrdered && families.isSameFamily(row, other))
      }
      let rivalTargets = columns.indices.filter { other in
        other != column && (likeness[row][other] ?? -1) > own - Self.margin
          && !(isOrdered && families.isSameFamily(column: column, other))
      }
      let isOnly = rows.count == 1 && columns.count == 1
      var doubts = rivals.map { rows[$0] }
      if doubts.isEmpty, !rivalTargets.isEmpty {
        doubts = chosen.enumerated().filter { rivalTargets.contains($0.element ?? -1) }
          .map { rows[$0.offset] }
      }
      return Pair(
        edge: Edge(source: rows[row], target: columns[column]),
        evidence: isOnly && own < 0.5 ? .shape : .names, rivals: doubts)
    }
  }

  /// The place of each path among the others, numbers counted as numbers.
  private func natural(_ indices: [Int], _ paths: [[String]]) -> [Int: Int] {
    func key(_ path: [String]) -> [(String, Int)] {
      path.map { component in
        let (_, number) = NameParts.words(component)
        return (component.filter { !$0.isNumber }, number ?? -1)
      }
    }
    let keys = indices.map { (index: $0, key: key(paths[$0])) }
    let sorted = keys.sorted { a, b in
      for (x, y) in zip(a.key, b.key) where x != y {
        // The file's order decides between different words.
        return x.0 == y.0 ? x.1 < y.1 : a.index < b.index
      }
      return a.key.count < b.key.count
    }
    return Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1.index, $0) })
  }
}

extension MatchGraph.Pair {
  /// The question that rivals leave open about one tensor of a module, `leaf`.
  func question(_ graph: MatchGraph, leaf: [String]) -> DraftRule.Question? {
    guard !rivals.isEmpty else { return nil }
    func text(_ path: [String]) -> String { (path + leaf).joined(separator: "/") }
    let shown = rivals.prefix(4).map { text(graph.sources[$0]) }
    return .init(
      text: "is this made from \(text(graph.sources[edge.source])), or from "
        + shown.joined(separator: " or ") + "? Neither names nor shapes tell",
      alternatives: shown.map { .object(["source": .string($0)]) })
  }
}
