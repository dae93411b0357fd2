import CheckpointCore
import CheckpointInspection
import Synchronization

/// The elements that a cast made infinite, counted by the threads that cast.
final class OverflowCount: Sendable {
  private let total = Atomic(0)

  var count: Int { total.load(ordering: .relaxed) }

  func add(_ count: Int) { total.add(count, ordering: .relaxed) }

  func note(_ dtype: DType) -> String? {
    count == 0 ? nil : "\(counted(count, "value")) beyond the range of \(dtype) became infinite"
  }
}
