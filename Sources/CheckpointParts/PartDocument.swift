package import CheckpointCore
import CheckpointFormats
import CheckpointInspection

/// What one part of a divided command found: `schemas/part.schema.json` describes the file.
///
/// The listings of checkpoints are shared out among the parts as the work is: all parts together hold
/// each entry once.
package struct PartDocument: Sendable {
  /// A checkpoint that the command opened, or why it could not.
  struct Opening: Sendable {
    /// The path as the command line gave it.
    let path: String
    let result: Result<Listing, CheckpointError>
  }

  /// What is known of a checkpoint without its data.
  struct Listing: Sendable {
    /// What was taken.
    let path: String
    let format: FormatName
    let formatDescription: String
    let notes: [String]
    /// The paths of its files, and what they were.
    let files: [String]
    let identity: FileIdentity
    /// How many entries there are, and the SHA-256 of their records.
    let count: Int
    let digest: String
    /// This part's, from `first` on.
    let first: Int
    let entries: [CheckpointEntry]
  }

  /// What a path stood for: `Checkpoint.places`.
  struct Places: Sendable, Equatable {
    let path: String
    let found: [String]
  }

  /// A schema, a mapping or another document that the command read.
  struct Source: Sendable, Equatable {
    let path: String
    let sha256: String
  }

  /// What this part did of a pass.
  struct Pass: Sendable {
    /// How many checkpoints the command had opened before, and how many passes it made since the last
    /// of them: where one of these cannot be read, the next checkpoint's passes are found all the same.
    let place: PassPlace
    /// How many items there are, and the SHA-256 of their names and sizes.
    let count: Int
    let digest: String
    /// By the item's position.
    let outcomes: [(index: Int, result: Result<JSONValue, CheckpointError>)]
  }

  package let part: Part
  let toolVersion: String
  /// The command line without what says how to divide and how to print.
  package let arguments: [String]
  let openings: [Opening]
  let places: [Places]
  let sources: [Source]
  let passes: [Pass]
}

extension PartDocument {
  private static let schemaVersion = 1

  package var text: String {
    SealedDocument.text([
      .init("schema_version", .int(Self.schemaVersion)),
      .init("tool", .object(["name": .string("savi-ckpt"), "version": .string(toolVersion)])),
      .init("part", .object(["number": .int(part.number), "of": .int(part.count)])),
      .init("arguments", .array(arguments.map(JSONValue.string))),
      .init("checkpoints", .array(openings.map(\.record))),
      .init(
        "places",
        .array(
          places.map {
            .object(["path": .string($0.path), "found": .array($0.found.map(JSONValue.string))])
          })),
      .init(
        "documents",
        .array(
          sources.map { .object(["path": .string($0.path), "sha256": .string($0.sha256)]) })),
      .init("passes", .array(passes.map(\.record))),
    ])
  }

  /// - Throws: `CheckpointError` where this is no whole document of a part.
  package init(_ bytes: [UInt8]) throws { try self.init(SealedDocument.read(bytes)) }

  /// - Parameter root: the document within its seal.
  package init(_ root: DocumentNode) throws {
    guard root.value["part"] != nil else {
      throw root.problem("this document is not one of a part")
    }
    let version = try root.require("schema_version").int()
    guard version == Self.schemaVersion else {
      throw root.problem(
        "schema_version \(version) is not known (this tool reads \(Self.schemaVersion))")
    }
    toolVersion = try root.require("tool").require("version").string()
    let numbers = try root.require("part")
    guard
      let part = Part(
        number: try numbers.require("number").int(), of: try numbers.require("of").int())
    else { throw numbers.problem("there is no such part") }
    self.part = part
    arguments = try root.require("arguments").items().map { try $0.string() }
    openings = try root.require("checkpoints").items().map { try Opening(record: $0) }
    places = try root.require("places").items().map { node in
      Places(
        path: try node.require("path").string(),
        found: try node.require("found").items().map { try $0.string() })
    }
    sources = try root.require("documents").items().map { node in
      Source(
        path: try node.require("path").string(), sha256: try node.require("sha256").string())
    }
    passes = try root.require("passes").items().map { try Pass(record: $0) }
  }
}

extension PartDocument.Opening: RecordedOutcome {
  var record: JSONValue {
    switch result {
    case .success(let listing): .object(["path": .string(path), "listing": listing.record])
    case .failure(let error): .object(["path": .string(path), "error": error.record])
    }
  }

  init(record node: DocumentNode) throws {
    path = try node.require("path").string()
    if let error = try node.optional("error") {
      result = .failure(try CheckpointError(record: error))
    } else {
      result = .success(try PartDocument.Listing(record: try node.require("listing")))
    }
  }
}

extension PartDocument.Listing: RecordedOutcome {
  var record: JSONValue {
    .object([
      "path": .string(path), "format": .string(format.rawValue),
      "format_description": .string(formatDescription),
      "notes": .array(notes.map(JSONValue.string)), "files": .array(files.map(JSONValue.string)),
      "identity": identity.record,
      "count": .int(count), "sha256": .string(digest), "first": .int(first),
      "entries": entries.record,
    ])
  }

  init(record node: DocumentNode) throws {
    path = try node.require("path").string()
    format = FormatName(rawValue: try node.require("format").string())
    formatDescription = try node.require("format_description").string()
    notes = try node.require("notes").items().map { try $0.string() }
    files = try node.require("files").items().map { try $0.string() }
    identity = try FileIdentity(record: try node.require("identity"))
    count = try node.require("count").int()
    digest = try node.require("sha256").string()
    first = try node.require("first").int()
    entries = try [CheckpointEntry](record: try node.require("entries"))
  }
}

extension PartDocument.Pass: RecordedOutcome {
  var record: JSONValue {
    .object([
      "openings": .int(place.openings), "number": .int(place.number), "count": .int(count),
      "sha256": .string(digest),
      "outcomes": .array(
        outcomes.map { index, result in
          switch result {
          case .success(let value): .object(["item": .int(index), "outcome": value])
          case .failure(let error): .object(["item": .int(index), "error": error.record])
          }
        }),
    ])
  }

  init(record node: DocumentNode) throws {
    place = PassPlace(
      openings: try node.require("openings").int(), number: try node.require("number").int())
    count = try node.require("count").int()
    digest = try node.require("sha256").string()
    outcomes = try node.require("outcomes").items().map { node in
      let index = try node.require("item").int()
      if let error = try node.optional("error") {
        return (index, .failure(try CheckpointError(record: error)))
      }
      return (index, .success(node.value["outcome"] ?? .null))
    }
  }
}
