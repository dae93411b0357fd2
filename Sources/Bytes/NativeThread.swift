#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A thread of the system, with a stack of its own size whatever the process's limit is.
///
/// libdispatch's pools end the process where a thread or a file descriptor is not to be had; this
/// says so.
package final class NativeThread {
  /// Bytes of stack for work that does not recurse.
  package static let shallowStack = 2 << 20
  /// Room for a hundred levels of any structure, of which each takes a few kilobytes.
  package static let deepStack = 16 << 20

  /// Runs `body` to its end on a deep stack; where no thread can be made, on the one there is.
  package static func runDeep(_ body: @escaping @Sendable () -> Void) {
    if let thread = NativeThread(stack: deepStack, body) { thread.join() } else { body() }
  }

  private let handle: pthread_t

  private final class Job {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` on a new thread; `nil` where the system gives none.
  package init?(stack: Int = shallowStack, _ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setstacksize(&attributes, stack)
    // The thread takes the reference that is passed to it.
    let job = unsafe Unmanaged.passRetained(Job(body))
    #if canImport(Glibc)
      var created = pthread_t()
      let code = unsafe pthread_create(
        &created, &attributes,
        { argument in
          if let argument = unsafe argument {
            unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
          }
          return nil
        }, job.toOpaque())
      guard code == 0 else {
        unsafe job.release()
        return nil
      }
      handle = created
    #else
      var created: pthread_t?
      let code = unsafe pthread_create(
        &created, &attributes,
        { argument in
          unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
          return nil
        }, job.toOpaque())
      guard code == 0, let created = unsafe created else {
        unsafe job.release()
        return nil
      }
      unsafe handle = created
    #endif
  }

  /// Waits for the thread's end.
  package func join() { pthread_join(handle, nil) }
}
