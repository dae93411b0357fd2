package import CheckpointCore

/// Why a checkpoint does not fit a mapping: everything that is wrong, not only the first.
package struct MappingMismatch: Error, Sendable {
  package struct WrongShape: Sendable {
    package let name: TensorName
    package let expected: String
    package let found: String
  }

  /// Tensors the mapping needs and the checkpoint does not have.
  package internal(set) var missing: [TensorName] = []
  /// Tensors the checkpoint has and no rule consumes.
  package internal(set) var unexpected: [String] = []
  package internal(set) var wrongShape: [WrongShape] = []
  /// Problems of other kinds, each a sentence.
  package internal(set) var other: [String] = []

  package var count: Int { missing.count + unexpected.count + wrongShape.count + other.count }

  /// All problems by kind, a few names of each, on one line.
  package var summary: String {
    var parts: [String] = []
    if !missing.isEmpty {
      parts.append(
        "\(missing.count) missing (\(few(missing.prefix(Self.shown).map(hinted), of: missing.count)))"
      )
    }
    if !unexpected.isEmpty {
      parts.append(
        "\(unexpected.count) in no rule (\(few(unexpected.prefix(Self.shown), of: unexpected.count)))"
      )
    }
    if !wrongShape.isEmpty {
      let texts = wrongShape.prefix(Self.shown).map {
        "\($0.name): \($0.expected) expected, \($0.found) found"
      }
      parts.append("\(wrongShape.count) of another shape (\(few(texts, of: wrongShape.count)))")
    }
    parts += other
    return parts.joined(separator: "; ")
  }

  /// A missing name beside the unexpected one it may have become.
  private func hinted(_ name: TensorName) -> String {
    nearestName(to: name.text, among: unexpected.prefix(1000))
      .map { "\(name); did you mean \($0)?" } ?? name.text
  }

  /// How many names of a kind are spelt out.
  private static let shown = 4

  private func few(_ texts: some Collection<String>, of count: Int) -> String {
    texts.joined(separator: ", ")
      + (count > texts.count ? " and \(count - texts.count) more" : "")
  }
}
