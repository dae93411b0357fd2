import Synchronization

/// Buffers that one thread uses for one image after another: fresh memory of megabytes would cost
/// as much in page faults as the work done in it.
@safe
package final class Workspace<Scalar: ModelScalar> {
  package enum Purpose: Int, CaseIterable { case first, second, padded, transformed, products }

  private var buffers = unsafe [UnsafeMutableBufferPointer<Scalar>](
    repeating: .init(start: nil, count: 0), count: Purpose.allCases.count)

  /// The buffer for `purpose`, of at least `count` elements, whose contents are left over.
  package func buffer(_ purpose: Purpose, count: Int) -> UnsafeMutablePointer<Scalar> {
    if unsafe buffers[purpose.rawValue].count < count {
      unsafe buffers[purpose.rawValue].deallocate()
      let fresh = UnsafeMutableBufferPointer<Scalar>.allocate(capacity: count)
      unsafe fresh.initialize(repeating: 0)
      unsafe buffers[purpose.rawValue] = fresh
    }
    return unsafe buffers[purpose.rawValue].baseAddress!
  }

  package init() {}

  deinit {
    for index in Purpose.allCases.indices { unsafe buffers[index].deallocate() }
  }
}

/// Workspaces for as many threads as happen to run.
@safe
package final class WorkspacePool<Scalar: ModelScalar>: Sendable {
  private let free = Mutex<[Held]>([])

  package init() {}

  /// A workspace is used by one thread at a time: the pool hands each out once.
  private struct Held: @unchecked Sendable { let workspace: Workspace<Scalar> }

  package func withWorkspace<R>(_ body: (Workspace<Scalar>) throws -> R) rethrows -> R {
    let held = free.withLock { $0.popLast() } ?? Held(workspace: Workspace())
    defer { free.withLock { $0.append(held) } }
    return try body(held.workspace)
  }
}
