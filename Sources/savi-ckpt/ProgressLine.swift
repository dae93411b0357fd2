import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import Dispatch

/// A line on standard error that tells how far a command has come: on a terminal, and only once
/// the command has taken a second.
final class ProgressLine {
  private let timer: (any DispatchSourceTimer)?

  init(_ progress: Progress, isQuiet: Bool) {
    guard !isQuiet, Machine.isTerminal(2) else {
      timer = nil
      return
    }
    let start = DispatchTime.now()
    let timer = DispatchSource.makeTimerSource(queue: .global())
    timer.schedule(deadline: start + .seconds(1), repeating: .milliseconds(100))
    timer.setEventHandler {
      let seconds = Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
      let rate = byteSize(Int(Double(progress.doneBytes) / seconds))
      Self.draw(
        "\(progress.doneTensors)/\(progress.totalTensors) tensors, "
          + "\(byteSize(progress.doneBytes)) of \(byteSize(progress.totalBytes)), \(rate)/s")
    }
    timer.activate()
    self.timer = timer
  }

  /// Takes the line away.
  func finish() {
    guard let timer else { return }
    timer.cancel()
    Self.draw("")
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
  /// Runs `body` with a way to stream the tensors that counts towards a progress line.
  func withProgress<R>(
    isQuiet: Bool,
    _ body: (
      _ stream: @Sendable (TensorInfo, ElementSink) throws -> Void
    ) throws -> R
  ) rethrows -> R {
    let progress = Progress(
      totalBytes: tensors.reduce(0) { $0 + $1.byteCount }, totalTensors: tensors.count)
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
