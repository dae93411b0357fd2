import Synchronization

/// How far a command has come, counted by the threads that do the work.
package final class Progress: Sendable {
  package let totalBytes: Int
  package let totalTensors: Int
  private let bytes = Atomic(0)
  private let tensors = Atomic(0)

  package init(totalBytes: Int, totalTensors: Int) {
    self.totalBytes = totalBytes
    self.totalTensors = totalTensors
  }

  package func advance(bytes count: Int) { bytes.add(count, ordering: .relaxed) }
  package func finishTensor() { tensors.add(1, ordering: .relaxed) }

  package var doneBytes: Int { bytes.load(ordering: .relaxed) }
  package var doneTensors: Int { tensors.load(ordering: .relaxed) }
}
