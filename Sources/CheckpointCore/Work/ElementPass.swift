import Bytes

/// Work on the elements of a checkpoint that can be divided: each item is done by itself, and what a
/// command says follows from all outcomes together.
///
/// The items depend on the structure of the checkpoint alone, never on its elements: every run finds
/// the same ones, whichever of them it does.
package protocol ElementPass: Sendable {
  associatedtype Outcome: RecordedOutcome

  /// In the order of their outcomes.
  var items: [WorkItem] { get }
  /// How many items may be worked on at once.
  var threads: Int { get }

  func outcome(of index: Int) throws -> Outcome
}

extension ElementPass {
  /// The outcomes of all items.
  package func outcomes() throws -> [Outcome] {
    try parallelMap(items.count, threads: threads) { try outcome(of: $0) }
  }
}

/// Something that an element pass does in one go.
package struct WorkItem: Sendable, Equatable {
  /// What it is about: a tensor, or a file.
  package let name: TensorName
  /// Bytes of elements to be read.
  package let byteCount: Int

  package init(name: TensorName, byteCount: Int) {
    self.name = name
    self.byteCount = byteCount
  }
}

extension WorkItem {
  package init(_ tensor: TensorInfo) {
    self.init(name: tensor.name, byteCount: tensor.byteCount)
  }
}

/// What came of one item, in a form that can be written down and read back without any loss.
package protocol RecordedOutcome: Sendable {
  var record: JSONValue { get }

  /// - Throws: `CheckpointError` where this is no such record.
  init(record node: DocumentNode) throws
}

extension String: RecordedOutcome {
  package var record: JSONValue { .string(self) }

  package init(record node: DocumentNode) throws { self = try node.string() }
}

extension Array: RecordedOutcome where Element: RecordedOutcome {
  package var record: JSONValue { .array(map(\.record)) }

  package init(record node: DocumentNode) throws {
    self = try node.items().map { try Element(record: $0) }
  }
}

extension JSONValue {
  /// A number with all its bits but those of a NaN: JSON has no word for NaN and the infinities.
  package static func exact(_ value: Double) -> JSONValue {
    value.isFinite ? .double(value) : .string(value.isNaN ? "nan" : value < 0 ? "-inf" : "inf")
  }
}

extension DocumentNode {
  /// What `JSONValue.exact` wrote.
  package func exactDouble() throws -> Double {
    guard case .string(let text) = value else { return try double() }
    switch text {
    case "nan": return .nan
    case "inf": return .infinity
    case "-inf": return -.infinity
    default: throw problem("a number expected, '\(text)' found")
    }
  }
}
