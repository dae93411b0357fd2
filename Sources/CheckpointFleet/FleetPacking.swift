/// What a checkpoint costs, in bytes: reading it, and as much as could be read while its process
/// starts.
enum FleetCost {
  /// About 15 ms at a gigabyte per second.
  private static let start = 16 << 20

  static func of(_ byteCount: Int) -> Int { byteCount + start }
}

/// Divides items into jobs of like size: the largest first, each to the job that has the least (LPT).
/// The longest job is then at most 4/3 of the best possible one, and with many small items beside few
/// large ones hardly longer than it. Source: Graham, Bounds on multiprocessing timing anomalies, 1969.
enum FleetPacking {
  /// - Returns: the job of each item, counted from 0, and how many jobs there are. The first job is the
  ///   longest: where there are more jobs than workers, they are begun in a good order.
  static func pack(_ costs: [Int], jobs: Int) -> (jobs: [Int], count: Int) {
    let count = max(1, min(jobs, costs.count))
    var heap = LoadHeap(count: count)
    var assigned = [Int](repeating: 0, count: costs.count)
    let order = costs.indices.sorted { (costs[$1], $0) < (costs[$0], $1) }
    for item in order { assigned[item] = heap.add(costs[item]) }
    let loads = heap.loads
    let rank = loads.indices.sorted { (loads[$1], $0) < (loads[$0], $1) }
    var place = [Int](repeating: 0, count: count)
    for (position, job) in rank.enumerated() { place[job] = position }
    return (assigned.map { place[$0] }, count)
  }
}

/// The jobs, ordered so that the one with the least load is found at once.
private struct LoadHeap {
  /// Each job with its load, as a binary heap with the least at the root.
  private var heap: [(load: Int, job: Int)]

  init(count: Int) { heap = (0..<count).map { (0, $0) } }

  var loads: [Int] { heap.sorted { $0.job < $1.job }.map(\.load) }

  /// Adds `cost` to the job with the least load, and returns that job.
  mutating func add(_ cost: Int) -> Int {
    let job = heap[0].job
    heap[0].load += cost
    var parent = 0
    while true {
      let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < heap.count }
      guard let least = children.min(by: { heap[$0] < heap[$1] }), heap[least] < heap[parent]
      else { return job }
      heap.swapAt(least, parent)
      parent = least
    }
  }
}
