import Bytes
import CheckpointCore

/// A single array in an npy file: the bare tensor `""`.
struct NpyReader: CheckpointReader {
  let format = FormatName.npy
  let formatDescription = "NumPy npy"
  private let contents: StoredTensors

  var entries: [CheckpointEntry] { contents.entries }

  init(_ file: RandomAccessFile, options: ReadOptions) throws {
    let source = FileSource(file: file, offset: 0, size: file.size)
    let header = try NpyHeader(rawTypes: options.rawTypes) {
      try source.read(0..<min($0, source.size))
    }
    var contents = StoredTensors()
    switch try header.layout(entrySize: file.size) {
    case .success(let layout): try contents.add("", layout, in: source, key: "")
    case .failure(let problem): try contents.addPlaceholder("", .data, problem.reason)
    }
    self.contents = contents
  }

  func stream(
    _ tensor: TensorInfo, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    try contents.stream(tensor, chunkSize: chunkSize, body)
  }
}
