import Bytes
public import CheckpointCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension CheckpointError {
  /// Ends a program as the command ends: with the error on one line of standard error, and 1 where a
  /// check failed, 2 for bad input, 64 for wrong usage.
  public static func end(with error: any Error) -> Never {
    _ = try? Machine.write(Array("error: \(oneLine("\(error)"))\n".utf8), to: 2)
    guard let error = error as? CheckpointError else { exit(2) }
    switch error.kind {
    case .checkFailed: exit(1)
    case .badInput: exit(2)
    case .usage: exit(64)
    }
  }
}
