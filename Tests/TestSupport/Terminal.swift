import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Runs `savi-ckpt` with a terminal of `columns` columns as its standard output.
///
/// - Returns: what a person would see, colours as escape sequences, lines ended by newlines alone.
public func runOnTerminal(
  _ arguments: [String], columns: Int, environment: [String: String] = ["TERM": "xterm"]
) throws -> CommandResult {
  let (main, terminal) = try openTerminal()
  var size = winsize(ws_row: 24, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
  guard ioctl(main, UInt(TIOCSWINSZ), &size) == 0 else { throw POSIXError(.ENOTTY) }
  let process = Process()
  process.executableURL = binary
  process.arguments = arguments
  process.environment = environment
  process.standardOutput = FileHandle(fileDescriptor: terminal, closeOnDealloc: false)
  process.standardError = FileHandle.nullDevice
  process.standardInput = FileHandle.nullDevice
  try process.run()
  close(terminal)
  var output = Data()
  var buffer = [UInt8](repeating: 0, count: 65_536)
  // Once no process holds the terminal, reading fails.
  while case let count = read(main, &buffer, buffer.count), count > 0 {
    output.append(contentsOf: buffer[..<count])
  }
  close(main)
  process.waitUntilExit()
  return CommandResult(
    status: process.terminationStatus,
    isEndedBySignal: process.terminationReason == .uncaughtSignal,
    output: String(decoding: output, as: UTF8.self).replacing("\r\n", with: "\n"), error: "")
}

/// Both ends of a new terminal: that of whoever shows it, and that of the programs in it.
///
/// Swift's Glibc hides `posix_openpt` and its relatives; these are the calls they make
/// (asm-generic/ioctls.h).
private func openTerminal() throws -> (main: CInt, terminal: CInt) {
  let setLock: UInt = 0x4004_5431
  let getNumber: UInt = 0x8004_5430
  let main = open("/dev/ptmx", O_RDWR | O_NOCTTY)
  var (lock, number): (CInt, CUnsignedInt) = (0, 0)
  guard main >= 0, ioctl(main, setLock, &lock) == 0, ioctl(main, getNumber, &number) == 0 else {
    throw POSIXError(.ENOTTY)
  }
  let terminal = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
  guard terminal >= 0 else { throw POSIXError(.ENOTTY) }
  return (main, terminal)
}
