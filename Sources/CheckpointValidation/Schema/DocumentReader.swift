public import CheckpointCore
import Yams

/// Reads a YAML or JSON document into a tree whose values know their line and column.
///
/// JSON is YAML's own subset, so one parser (libyaml, through Yams) reads both. Scalars are typed as
/// JSON types them: null, true, false and JSON's numbers; everything else is a string, so that no
/// name turns into a boolean or a date. Anchors and aliases are refused: a document of a few lines
/// could stand for one that fills the memory.
public enum DocumentReader {
  public static func read(_ bytes: [UInt8]) throws -> DocumentNode {
    let text = String(decoding: bytes, as: UTF8.self)
    guard Array(text.utf8) == bytes else { throw CheckpointError("this is not UTF-8 text") }
    // libyaml refuses some of JSON: pairs of surrogate escapes, a raw DEL. It then only has no
    // positions to give.
    if let json = try? JSONParser.parse(bytes) {
      let positions = (try? Parser(yaml: text).singleRoot()).flatMap { root in
        var builder = Builder()
        return (try? builder.convert(root, path: "", depth: 0)).map { _ in builder.positions }
      }
      return DocumentNode(json, positions: positions ?? [:])
    }
    let root: Node?
    do {
      root = try Parser(yaml: text).singleRoot()
    } catch let error as YamlError {
      throw failure(error)
    }
    guard let root else { throw CheckpointError("this document is empty") }
    var builder = Builder()
    let value = try builder.convert(root, path: "", depth: 0)
    return DocumentNode(value, positions: builder.positions)
  }

  private static func failure(_ error: YamlError) -> CheckpointError {
    func at(_ mark: Mark, _ problem: String) -> CheckpointError {
      CheckpointError(
        entry: "line \(mark.line), column \(mark.column)", "neither YAML nor JSON: \(problem)")
    }
    return switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      at(mark, problem)
    case .duplicatedKeysInMapping(let keys, let context):
      CheckpointError(
        entry: "line \(context.mark.line), column \(context.mark.column)",
        "a key occurs twice: \(keys.joined(separator: ", "))")
    case .reader(let problem, _, _, _): CheckpointError("neither YAML nor JSON: \(problem)")
    default: CheckpointError("neither YAML nor JSON")
    }
  }

  private struct Builder {
    var positions: [String: DocumentNode.Position] = [:]
    private var places: Set<DocumentNode.Position> = []

    mutating func convert(_ node: Node, path: String, depth: Int) throws -> JSONValue {
      if let mark = node.mark {
        let position = DocumentNode.Position(line: mark.line, column: mark.column)
        positions[path] = position
        // Every value has a place of its own, but for one that an alias repeats.
        guard places.insert(position).inserted else {
          throw problem(path, "anchors and aliases are not used here; write the value out")
        }
      }
      guard depth < JSONParser.maximumDepth else {
        throw problem(path, "this is nested too deeply")
      }
      switch node {
      case .scalar(let scalar): return Self.scalar(scalar)
      case .sequence(let sequence):
        return .array(
          try sequence.enumerated().map {
            try convert($1, path: DocumentNode.path(path, $0), depth: depth + 1)
          })
      case .mapping(let mapping):
        return .object(
          try mapping.map { key, value in
            guard case .scalar(let name) = key else {
              throw problem(path, "a key must be a plain name")
            }
            let inner = DocumentNode.path(path, name.string)
            return JSONValue.Member(
              name.string, try convert(value, path: inner, depth: depth + 1))
          })
      case .alias:
        throw problem(path, "anchors and aliases are not used here; write the value out")
      }
    }

    private func problem(_ path: String, _ message: String) -> CheckpointError {
      let place = positions[path].map { "line \($0.line), column \($0.column)" }
      return CheckpointError(
        entry: [place, path.isEmpty ? nil : path].compactMap(\.self).joined(separator: ": "),
        message)
    }

    private static func scalar(_ scalar: Node.Scalar) -> JSONValue {
      guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
      switch scalar.string {
      case "null", "~", "": return .null
      case "true": return .bool(true)
      case "false": return .bool(false)
      default:
        // The strict parser knows what a JSON number is.
        switch try? JSONParser.parse(Array(scalar.string.utf8)) {
        case .int(let number)?: return .int(number)
        case .double(let number)?: return .double(number)
        default: return .string(scalar.string)
        }
      }
    }
  }
}
