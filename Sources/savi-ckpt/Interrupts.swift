import Bytes

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// On Ctrl-C, a hang-up or a termination request: remove unfinished files, then end as the signal
/// would have ended the process.
enum Interrupts {
  private static let signals = [SIGINT, SIGTERM, SIGHUP]

  /// Runs `command` on a thread of its own, while this one waits for signals.
  static func guarding(_ command: @escaping @Sendable () -> Never) -> Never {
    // A file that grows past a limit fails its write, as a full disk does, instead of ending us.
    _ = signal(SIGXFSZ, SIG_IGN)
    var awaited = set(signals.filter { !isIgnored($0) })
    // Threads inherit the mask: none but this one sees the signals.
    unsafe pthread_sigmask(SIG_BLOCK, &awaited, nil)
    guard NativeThread(stack: NativeThread.deepStack, { command() }) != nil else {
      unsafe pthread_sigmask(SIG_UNBLOCK, &awaited, nil)
      command()
    }
    while true {
      var number: CInt = 0
      guard unsafe sigwait(&awaited, &number) == 0 else { continue }
      TemporaryFiles.shared.removeAll {
        ProgressLine.clear()
        end(by: number)
      }
    }
  }

  /// A signal that the parent had ignored (nohup) stays ignored.
  private static func isIgnored(_ number: CInt) -> Bool {
    let before = signal(number, SIG_IGN)
    guard before == nil else {
      // SIG_IGN itself, or what was there.
      return true
    }
    _ = signal(number, SIG_DFL)
    return false
  }

  private static func set(_ numbers: [CInt]) -> sigset_t {
    var result = sigset_t()
    unsafe sigemptyset(&result)
    for number in numbers { unsafe sigaddset(&result, number) }
    return result
  }

  private static func end(by number: CInt) -> Never {
    signal(number, SIG_DFL)
    var mask = set([number])
    unsafe pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    raise(number)
    _exit(128 + number)
  }
}
