import CheckpointCore

/// A checkpoint with what is said of it beside it.
struct CommentedReader: CheckpointReader {
  private let reader: any CheckpointReader
  private let comments: [Placeholder]

  init(_ reader: any CheckpointReader, _ comments: [Placeholder]) {
    self.reader = reader
    self.comments = comments
  }

  var format: FormatName { reader.format }
  var formatDescription: String { reader.formatDescription }
  var companions: [String] { reader.companions }
  var entries: [CheckpointEntry] { reader.entries + comments.map(CheckpointEntry.placeholder) }

  func stream(
    _ tensor: TensorInfo, elements range: Range<Int>, chunkSize: Int, _ sink: ElementSink
  ) throws {
    try reader.stream(tensor, elements: range, chunkSize: chunkSize, sink)
  }
}
