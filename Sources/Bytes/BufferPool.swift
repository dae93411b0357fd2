import Synchronization

/// Buffers for one kind of work after another: a fresh buffer of megabytes costs as much in page
/// faults as the work done in it.
package final class BufferPool: Sendable {
  private let free = Mutex<[[UInt8]]>([])
  /// What is kept counts towards the peak, so it is no more than the memory budget admits at once.
  private static let maximumCount = 2

  package init() {}

  /// Lends a buffer of `count` bytes, whose contents are left over from earlier work.
  package func withBuffer<R>(_ count: Int, _ body: (inout [UInt8]) throws -> R) rethrows -> R {
    var buffer =
      free.withLock { free in
        free.firstIndex { $0.count == count }.map { free.remove(at: $0) }
      } ?? [UInt8](repeating: 0, count: count)
    defer {
      free.withLock { [buffer] free in
        if free.count == Self.maximumCount { free.removeFirst() }
        free.append(buffer)
      }
    }
    return try body(&buffer)
  }
}
