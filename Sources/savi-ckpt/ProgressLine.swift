import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointParts
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A line on standard error that tells how far a command has come: on a terminal, and only once
/// the command has taken a second.
final class ProgressLine: Sendable {
  /// Whether the line may still be drawn.
  private let isLive: Mutex<Bool>

  private static let delay = 10
  private static let interval: useconds_t = 100_000

  init(_ progress: Progress, isQuiet: Bool) {
    isLive = Mutex(!isQuiet && Machine.isTerminal(2))
    guard isLive.withLock(\.self) else { return }
    let start = ContinuousClock.now
    // Without a thread there is no line.
    _ = NativeThread { [self] in
      for tick in 0... {
        usleep(Self.interval)
        let isOver = isLive.withLock { isLive in
          if isLive, tick >= Self.delay { Self.draw(Self.text(progress, since: start)) }
          return !isLive
        }
        if isOver { return }
      }
    }
  }

  private static func text(_ progress: Progress, since start: ContinuousClock.Instant) -> String {
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let rate = byteSize(Int(Double(progress.doneBytes) / seconds))
    return "\(progress.doneTensors)/\(progress.totalTensors) tensors, "
      + "\(byteSize(progress.doneBytes)) of \(byteSize(progress.totalBytes)), \(rate)/s"
  }

  /// Takes the line away.
  func finish() {
    isLive.withLock { isLive in
      if isLive { Self.draw("") }
      isLive = false
    }
  }

  /// Leaves a clean line behind when the process is about to end.
  static func clear() {
    if Machine.isTerminal(2) { draw("") }
  }

  private static func draw(_ text: String) {
    try? Machine.write("\r\u{1B}[2K" + text, to: 2)
  }
}

extension Checkpoint {
  /// Runs `body` with a way to stream the tensors that counts towards a progress line: of one part,
  /// with what is about its share as the whole.
  func withProgress<R>(
    isQuiet: Bool, _ work: any DividedWork = WholeWork(),
    _ body: (
      _ stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
    ) throws -> R
  ) rethrows -> R {
    let shares = work.part?.count ?? 1
    let progress = Progress(
      totalBytes: tensors.reduce(0) { $0 + $1.byteCount } / shares,
      totalTensors: tensors.count / shares)
    let line = ProgressLine(progress, isQuiet: isQuiet)
    defer { line.finish() }
    return try body { tensor, chunkBody in
      try stream(tensor) { position, chunk in
        try chunkBody(position, chunk)
        progress.advance(bytes: chunk.count)
      }
      progress.finishTensor()
    }
  }
}
