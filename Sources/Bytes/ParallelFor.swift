internal import Dispatch
internal import Synchronization

/// Runs `body` for 0 ..< `count` on up to `threads` threads, this one among them, and rethrows the
/// error of the lowest index that failed. Once one has failed, no further index is begun. Where the
/// system gives fewer threads, the work takes longer.
package func parallelFor(
  _ count: Int, threads: Int, _ body: @Sendable (Int) throws -> Void
) throws {
  let workers = max(1, min(threads, count))
  if workers == 1 {
    for index in 0..<count { try body(index) }
    return
  }
  let next = Atomic(0)
  let failure = Mutex<(index: Int, error: any Error)?>(nil)
  let work = { @Sendable in
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < count, failure.withLock({ $0 == nil }) else { return }
      do {
        try body(index)
      } catch {
        failure.withLock { if $0 == nil || index < $0!.index { $0 = (index, error) } }
      }
    }
  }
  // Every thread has ended before this function returns.
  withoutActuallyEscaping(work) { work in
    var helpers: [NativeThread] = []
    while helpers.count < workers - 1, let helper = NativeThread(work) { helpers.append(helper) }
    work()
    for helper in helpers { helper.join() }
  }
  if let failure = failure.withLock({ $0 }) { throw failure.error }
}

/// The results of `body` for 0 ..< `count`, in order, computed on up to `threads` threads.
package func parallelMap<R: Sendable>(
  _ count: Int, threads: Int, _ body: @Sendable (Int) throws -> R
) throws -> [R] {
  let results = Mutex([R?](repeating: nil, count: count))
  try parallelFor(count, threads: threads) { index in
    let result = try body(index)
    results.withLock { $0[index] = result }
  }
  return results.withLock { $0.compactMap(\.self) }
}

/// Bounds the bytes that parallel work holds at once.
///
/// A job larger than the whole budget is admitted alone, so that every job runs.
package final class MemoryBudget: Sendable {
  private let limit: Int
  private let used = Mutex(0)
  private let released = DispatchSemaphore(value: 0)

  package init(bytes: Int) { limit = bytes }

  package func withBytes<R>(_ bytes: Int, _ body: () throws -> R) rethrows -> R {
    while true {
      let admitted = used.withLock { used in
        guard used == 0 || used + bytes <= limit else { return false }
        used += bytes
        return true
      }
      if admitted { break }
      _ = released.wait(timeout: .now() + .milliseconds(20))
    }
    defer {
      used.withLock { $0 -= bytes }
      released.signal()
    }
    return try body()
  }
}
