import CheckpointCore

/// The listing of a checkpoint that was opened elsewhere. Its elements are not at hand.
struct RecordedReader: CheckpointReader {
  let formatDescription: String
  let format: FormatName
  let entries: [CheckpointEntry]

  func stream(
    _ tensor: TensorInfo, elements range: Range<Int>, chunkSize: Int, _ sink: ElementSink
  ) throws {
    throw CheckpointError(
      entry: tensor.name, "results of parts are merged, and this tensor would have to be read",
      advice: "run the command undivided")
  }
}
