#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Stacks of a known size, whatever the limits of the shell (`ulimit -s`).
public enum Stack {
  /// Room for a hundred levels of any structure, of which each takes a few kilobytes.
  private static let size = 16 << 20

  private final class Job: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` to its end on a stack that is large enough for whatever recurses here.
  public static func run(_ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setstacksize(&attributes, size)
    let job = unsafe Unmanaged.passRetained(Job(body))
    #if canImport(Glibc)
      var thread = pthread_t()
      let status = unsafe pthread_create(
        &thread, &attributes,
        { argument in
          if let argument = unsafe argument {
            unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
          }
          return nil
        }, job.toOpaque())
      if status == 0 { pthread_join(thread, nil) }
    #else
      var thread: pthread_t?
      let status = unsafe pthread_create(
        &thread, &attributes,
        { argument in
          unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
          return nil
        }, job.toOpaque())
      if status == 0, let thread = unsafe thread { _ = unsafe pthread_join(thread, nil) }
    #endif
    // Where no thread can be made, the stack there is must do.
    if status != 0 { unsafe job.takeRetainedValue().body() }
  }
}
