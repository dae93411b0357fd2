import Bytes

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
}
