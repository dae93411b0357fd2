package import CheckpointCore

/// What came of one checkpoint of a fleet.
package struct FleetResult: Sendable {
  /// The position of the checkpoint in the plan.
  package let item: Int
  package let end: End
  /// What the command printed: its JSON document; `nil` where it printed none.
  package let document: JSONValue?
  /// What it said on its standard error.
  package let message: String
  /// How long it took.
  package let seconds: Double

  package enum End: Sendable, Equatable {
    case exited(Int)
    case signalled(Int)
    /// It printed more than can be kept.
    case tooMuchOutput
  }

  package init(
    item: Int, end: End, document: JSONValue?, message: String, seconds: Double
  ) {
    (self.item, self.end, self.document) = (item, end, document)
    (self.message, self.seconds) = (message, seconds)
  }

  /// The exit code that this result stands for: 2 where the command did not come to an end.
  package var exitCode: Int {
    if case .exited(let code) = end { code } else { 2 }
  }

  /// Whether the command came to an end by itself. One that a signal ended, as a scheduler sends when
  /// time or memory is over, is run again.
  package var isFinal: Bool { if case .signalled = end { false } else { true } }

  /// In a few words, why the checkpoint at `path` is no success; `nil` where it is one.
  package func failure(of path: String) -> String? {
    switch end {
    case .exited(0): nil
    case .exited: FleetDocument.sentence(of: self, path)
    case .signalled(let signal):
      "the command was ended by signal \(signal); 'fleet run' runs it again, perhaps with more memory"
    case .tooMuchOutput: "the command printed more than can be kept"
    }
  }

  var members: [JSONValue.Member] {
    var members: [JSONValue.Member] = [.init("item", .int(item))]
    switch end {
    case .exited(let code): members.append(.init("exit_code", .int(code)))
    case .signalled(let signal): members.append(.init("signal", .int(signal)))
    case .tooMuchOutput: break
    }
    return members + [
      .init("seconds", .double(seconds)), .init("message", .string(message)),
      .init("document", document ?? .null),
    ]
  }

  package init(_ node: DocumentNode) throws {
    item = try node.require("item").int()
    if let code = try node.optional("exit_code")?.int() {
      end = .exited(code)
    } else if let signal = try node.optional("signal")?.int() {
      end = .signalled(signal)
    } else {
      end = .tooMuchOutput
    }
    seconds = try node.require("seconds").double()
    message = try node.require("message").string()
    document = try node.optional("document")?.value
  }
}
