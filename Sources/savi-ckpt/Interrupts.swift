import Bytes
import Dispatch

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// On Ctrl-C, a hang-up or a termination request: remove unfinished files, then end as the signal
/// would have ended the process.
enum Interrupts {
  private static let signals = [SIGINT, SIGTERM, SIGHUP]
  /// Made once and never changed; the dispatch types are only not marked Sendable.
  private nonisolated(unsafe) static let sources = signals.map { number in
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler {
      TemporaryFiles.shared.removeAll {
        ProgressLine.clear()
        end(by: number)
      }
    }
    return source
  }

  /// Ends the process as the signal would have, whether or not its threads let signals through.
  private static func end(by number: CInt) -> Never {
    signal(number, SIG_DFL)
    var mask = sigset_t()
    unsafe sigemptyset(&mask)
    unsafe sigaddset(&mask, number)
    unsafe pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    raise(number)
    _exit(128 + number)
  }

  static func install() {
    // A file that grows past a limit fails its write, as a full disk does, instead of ending us.
    _ = signal(SIGXFSZ, SIG_IGN)
    for (number, source) in unsafe zip(signals, sources) {
      // A signal that the parent had ignored (nohup) stays ignored.
      guard signal(number, SIG_IGN) == nil else { continue }
      source.activate()
    }
  }
}
