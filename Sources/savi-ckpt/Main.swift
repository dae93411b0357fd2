import ArgumentParser
import Bytes
import CheckpointCore
import CheckpointFormats

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Runs the command and turns every error into one line and an exit code.
@main
enum Main {
  static func main() {
    HDF5Helper.runIfAsked()
    Interrupts.guarding { run() }
  }

  private static func run() -> Never {
    do {
      var command = try SaviCkpt.parseAsRoot()
      try command.run()
      exit(0)
    } catch let error as CheckpointError {
      fail(error.description, exitCode(of: error))
    } catch let error as FileSystemError {
      fail(CheckpointError(error).description, 2)
    } catch let code as ExitCode {
      exit(code.rawValue)
    } catch {
      failParsing(error)
    }
  }

  private static func exitCode(of error: CheckpointError) -> CInt {
    switch error.kind {
    case .badInput: 2
    case .checkFailed: 1
    case .usage: 64
    }
  }

  private static func fail(_ message: String, _ code: CInt) -> Never {
    Console.error("savi-ckpt: error: " + message)
    exit(code)
  }

  /// Help and version requests are no errors; everything else the parser throws is wrong usage.
  private static func failParsing(_ error: any Error) -> Never {
    guard SaviCkpt.exitCode(for: error) != .success else { SaviCkpt.exit(withError: error) }
    let message = SaviCkpt.message(for: error)
    fail(message.split(separator: "\n").joined(separator: " ") + " (see 'savi-ckpt --help')", 64)
  }
}
