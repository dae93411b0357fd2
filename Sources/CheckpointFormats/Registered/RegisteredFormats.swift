import CheckpointCore
import Synchronization

/// The formats that this program has registered.
enum RegisteredFormats {
  private static let formats = Mutex<[CheckpointFormat]>([])

  /// The newest first.
  static var all: [CheckpointFormat] { formats.withLock { $0 } }

  static func add(_ format: CheckpointFormat) {
    formats.withLock { $0.insert(format, at: 0) }
  }

  /// As the library's own are recognised and opened.
  static var files: [FileFormat] {
    all.map { format in
      FileFormat(name: format.name, matches: format.matches) {
        try format.open(FormatFile($0.file))
      }
    }
  }

  static var writers: [any CheckpointWriter] {
    all.compactMap { format in
      format.write.map { RegisteredWriter(format: format.name, body: $0) }
    }
  }

  /// The format whose files have this extension.
  static func name(ofExtension text: String) -> FormatName? {
    all.first { $0.extensions.contains(text) }?.name
  }
}
