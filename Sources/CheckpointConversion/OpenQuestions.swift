import CheckpointCore
import CheckpointMapping

extension ModelDocument {
  /// A draft with open questions is no mapping yet.
  ///
  /// - Throws: `CheckpointError` that names the rules and the ways to answer.
  func checkAnswered() throws {
    let open = openQuestions
    guard !open.isEmpty else { return }
    throw CheckpointError(
      "the mapping \(name) has open questions: \(Self.titles(open))",
      advice:
        "edit each rule and remove its \"confirm\", or answer with 'map suggest --answer', or go "
        + "on with the drafted answers with --accept-unconfirmed")
  }

  /// What was accepted without an answer; `nil` where nothing was.
  var unconfirmedNote: String? {
    openQuestions.isEmpty ? nil : "accepted unconfirmed: \(Self.titles(openQuestions))"
  }

  private static let shown = 8

  private static func titles(_ rules: [MappingRule]) -> String {
    rules.prefix(shown).map { "rule \($0.number), \($0.title)" }.joined(separator: " | ")
      + (rules.count > shown ? " | and \(rules.count - shown) more" : "")
  }
}
