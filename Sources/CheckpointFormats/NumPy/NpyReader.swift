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
    try header.add("", in: source, key: "", to: &contents)
    self.contents = contents
  }
}
