import Synchronization

/// How far a command has come, counted by the threads that do the work.
public final class Progress: Sendable {
  public let totalBytes: Int
  public let totalTensors: Int
  private let bytes = Atomic(0)
  private let tensors = Atomic(0)

  public init(totalBytes: Int, totalTensors: Int) {
    self.totalBytes = totalBytes
    self.totalTensors = totalTensors
  }

  public func advance(bytes count: Int) { bytes.add(count, ordering: .relaxed) }
  public func finishTensor() { tensors.add(1, ordering: .relaxed) }

  public var doneBytes: Int { bytes.load(ordering: .relaxed) }
  public var doneTensors: Int { tensors.load(ordering: .relaxed) }
}
