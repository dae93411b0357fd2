/// Takes a run of whole elements of a tensor: little-endian, consecutive in C order.
///
/// `position` is the index, counted in C order, of the run's first element. A producer says with it
/// which elements it hands over; where it cuts them is its own affair.
public typealias ElementSink = (_ position: Int, _ elements: Span<UInt8>) throws -> Void

/// Which elements of a tensor have arrived: each must, once.
package struct ElementCoverage: Sendable {
  private let range: Range<Int>
  /// Disjoint and in order; neighbours that touch are one.
  private var arrived: [Range<Int>] = []

  /// - Parameter range: the elements that are expected.
  package init(_ range: Range<Int>) { self.range = range }

  /// Notes that the elements `run` arrived.
  ///
  /// - Throws: `CheckpointError` where one of them is not expected, or arrived before.
  package mutating func add(_ run: Range<Int>) throws {
    guard !run.isEmpty else { return }
    guard range.lowerBound <= run.lowerBound, run.upperBound <= range.upperBound else {
      throw CheckpointError(
        "elements \(run.lowerBound) to \(run.upperBound - 1) came, \(range.lowerBound) to "
          + "\(range.upperBound - 1) were expected")
    }
    // Most producers go from the first element to the last: one run that grows.
    var index = arrived.count
    while index > 0, arrived[index - 1].lowerBound > run.lowerBound { index -= 1 }
    let overlapsBefore = index > 0 && arrived[index - 1].upperBound > run.lowerBound
    let overlapsAfter = index < arrived.count && arrived[index].lowerBound < run.upperBound
    guard !overlapsBefore, !overlapsAfter else {
      throw CheckpointError(
        "an element between \(run.lowerBound) and \(run.upperBound - 1) came twice")
    }
    var merged = run
    if index < arrived.count, arrived[index].lowerBound == merged.upperBound {
      merged = merged.lowerBound..<arrived.remove(at: index).upperBound
    }
    if index > 0, arrived[index - 1].upperBound == merged.lowerBound {
      arrived[index - 1] = arrived[index - 1].lowerBound..<merged.upperBound
    } else {
      arrived.insert(merged, at: index)
    }
  }

  /// - Throws: `CheckpointError` that names the first element that never arrived.
  package func finish() throws {
    guard !range.isEmpty, arrived != [range] else { return }
    let first = arrived.first.map {
      $0.lowerBound > range.lowerBound ? range.lowerBound : $0.upperBound
    }
    let count = arrived.reduce(0) { $0 + $1.count }
    throw CheckpointError(
      "\(range.count) elements expected, \(count) came; the first missing one is "
        + "\(first ?? range.lowerBound)")
  }
}
