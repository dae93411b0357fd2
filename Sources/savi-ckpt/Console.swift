import Bytes
import CheckpointInspection

/// Standard output for results, standard error for everything else.
enum Console {
  /// Prints a result and a newline.
  static func output(_ text: String) throws {
    try Machine.write(text + "\n", to: 1)
  }

  static func error(_ text: String) {
    // Nothing can be said where standard error is closed.
    try? Machine.write(text + "\n", to: 2)
  }

  /// Whether a person reads the results.
  static let isTerminal = Machine.isTerminal(1)

  /// What standard output can show. https://no-color.org says when colour is not wanted.
  static let style: TextStyle = {
    guard isTerminal else { return .plain }
    let wantsColor =
      (Machine.environment("NO_COLOR") ?? "").isEmpty && Machine.environment("TERM") != "dumb"
    return TextStyle(width: Machine.terminalColumns(1), usesColor: wantsColor)
  }()
}
