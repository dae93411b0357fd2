import CYAML
import CheckpointCore

/// The events of a YAML text, in its order, as libyaml finds them.
@safe
final class YAMLEvents {
  enum Event {
    /// - Parameter isPlain: whether it stands without quotes, so that its text tells its type.
    case scalar(String, isPlain: Bool)
    case alias
    case beginSequence, endSequence
    case beginMapping, endMapping
    case beginDocument, endDocument
    case endStream
  }

  private let parser: UnsafeMutablePointer<yaml_parser_t>
  /// libyaml keeps a pointer to its input.
  private let input: UnsafeMutableBufferPointer<UInt8>

  init(_ text: String) throws {
    let bytes = Array(text.utf8)
    unsafe input = .allocate(capacity: bytes.count)
    _ = unsafe input.initialize(from: bytes)
    unsafe parser = .allocate(capacity: 1)
    guard unsafe yaml_parser_initialize(parser) == 1 else {
      throw CheckpointError("there is no memory to read this document")
    }
    unsafe yaml_parser_set_input_string(parser, input.baseAddress, input.count)
  }

  deinit {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
    unsafe input.deallocate()
  }

  /// The next event, and where it begins.
  ///
  /// - Throws: `CheckpointError` with the place where the text is no YAML.
  func next() throws -> (event: Event, position: DocumentNode.Position) {
    while true {
      var raw = unsafe yaml_event_t()
      guard unsafe yaml_parser_parse(parser, &raw) == 1 else { throw failure }
      defer { unsafe yaml_event_delete(&raw) }
      if let event = unsafe Self.event(raw) {
        return (event, unsafe Self.position(raw.start_mark))
      }
    }
  }

  /// `nil` for what begins the stream.
  private static func event(_ raw: yaml_event_t) -> Event? {
    switch unsafe raw.type {
    case YAML_SCALAR_EVENT:
      let scalar = unsafe raw.data.scalar
      let text = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      return .scalar(
        unsafe String(decoding: text, as: UTF8.self),
        isPlain: unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE)
    case YAML_ALIAS_EVENT: return .alias
    case YAML_SEQUENCE_START_EVENT: return .beginSequence
    case YAML_SEQUENCE_END_EVENT: return .endSequence
    case YAML_MAPPING_START_EVENT: return .beginMapping
    case YAML_MAPPING_END_EVENT: return .endMapping
    case YAML_DOCUMENT_START_EVENT: return .beginDocument
    case YAML_DOCUMENT_END_EVENT: return .endDocument
    case YAML_STREAM_END_EVENT: return .endStream
    default: return nil
    }
  }

  /// libyaml counts from zero.
  private static func position(_ mark: yaml_mark_t) -> DocumentNode.Position {
    DocumentNode.Position(line: mark.line + 1, column: mark.column + 1)
  }

  private var failure: CheckpointError {
    let problem =
      unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "no reason given"
    let message = "neither YAML nor JSON: \(problem)"
    guard unsafe parser.pointee.error != YAML_READER_ERROR else { return CheckpointError(message) }
    let position = unsafe Self.position(parser.pointee.problem_mark)
    return CheckpointError(entry: "\(position)", message)
  }
}
