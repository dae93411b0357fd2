import Bytes
import CheckpointCore

/// A single array in an npy file: the bare tensor `""`.
struct NpyReader: StoredCheckpointReader {
  let format = FormatName.npy
  let formatDescription = "NumPy npy"
  let contents: StoredTensors

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
}
