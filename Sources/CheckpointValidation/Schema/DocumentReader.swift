package import CheckpointCore

/// Reads a YAML or JSON document into a tree whose values know their line and column.
///
/// JSON is YAML's own subset, so one parser (libyaml) reads both. Scalars are typed as JSON types
/// them: null, true, false and JSON's numbers; everything else is a string, so that no name turns into
/// a boolean or a date. Aliases are refused: a document of a few lines could stand for one that fills
/// the memory.
package enum DocumentReader {
  package static func read(_ bytes: [UInt8]) throws -> DocumentNode {
    let text = String(decoding: bytes, as: UTF8.self)
    guard Array(text.utf8) == bytes else { throw CheckpointError("this is not UTF-8 text") }
    // libyaml refuses some of JSON: pairs of surrogate escapes, a raw DEL. It then only has no
    // positions to give.
    if let json = try? JSONParser.parse(bytes) {
      return DocumentNode(json, positions: (try? Builder.build(text).positions) ?? [:])
    }
    let (value, positions) = try Builder.build(text)
    return DocumentNode(value, positions: positions)
  }

  private struct Builder {
    private let events: YAMLEvents
    private var positions: [String: DocumentNode.Position] = [:]

    static func build(
      _ text: String
    ) throws -> (value: JSONValue, positions: [String: DocumentNode.Position]) {
      var builder = Builder(events: try YAMLEvents(text))
      guard case .beginDocument = try builder.events.next().event else {
        throw CheckpointError("this document is empty")
      }
      let value = try builder.value(try builder.events.next(), path: "", depth: 0)
      _ = try builder.events.next()
      let (event, position) = try builder.events.next()
      guard case .endStream = event else {
        throw CheckpointError(
          entry: "\(position)", "neither YAML nor JSON: expected a single document")
      }
      return (value, builder.positions)
    }

    private init(events: YAMLEvents) { self.events = events }

    private mutating func value(
      _ begin: (event: YAMLEvents.Event, position: DocumentNode.Position), path: String, depth: Int
    ) throws -> JSONValue {
      positions[path] = begin.position
      guard depth < JSONParser.maximumDepth else {
        throw problem(path, "this is nested too deeply")
      }
      switch begin.event {
      case .scalar(let text, let isPlain): return isPlain ? Self.typed(text) : .string(text)
      case .beginSequence: return try sequence(path, depth)
      case .beginMapping: return try mapping(path, depth)
      default: throw problem(path, "anchors and aliases are not used here; write the value out")
      }
    }

    private mutating func sequence(_ path: String, _ depth: Int) throws -> JSONValue {
      var items: [JSONValue] = []
      while true {
        let next = try events.next()
        if case .endSequence = next.event { return .array(items) }
        items.append(
          try value(next, path: DocumentNode.path(path, items.count), depth: depth + 1))
      }
    }

    private mutating func mapping(_ path: String, _ depth: Int) throws -> JSONValue {
      var members: [JSONValue.Member] = []
      var names: Set<TensorName> = []
      while true {
        let (event, position) = try events.next()
        if case .endMapping = event { return .object(members) }
        guard case .scalar(let name, _) = event else {
          throw problem(path, "a key must be a plain name")
        }
        guard names.insert(TensorName(name)).inserted else {
          throw CheckpointError(entry: "\(position)", "a key occurs twice: \(name)")
        }
        let inner = DocumentNode.path(path, name)
        members.append(.init(name, try value(try events.next(), path: inner, depth: depth + 1)))
      }
    }

    private func problem(_ path: String, _ message: String) -> CheckpointError {
      let place = positions[path].map { "\($0)" }
      return CheckpointError(
        entry: [place, path.isEmpty ? nil : path].compactMap(\.self).joined(separator: ": "),
        message)
    }

    private static func typed(_ text: String) -> JSONValue {
      switch text {
      case "null", "~", "": return .null
      case "true": return .bool(true)
      case "false": return .bool(false)
      default:
        // The strict parser knows what a JSON number is.
        switch try? JSONParser.parse(Array(text.utf8)) {
        case .int(let number)?: return .int(number)
        case .double(let number)?: return .double(number)
        default: return .string(text)
        }
      }
    }
  }
}
