import Checkpoints

/// Reads a checkpoint of any format, writes it in every format that takes it as it is, and reads
/// that again: names, dtypes, shapes and elements are the same.
func roundTrip(_ bytes: [UInt8]) {
  // HDF5 files are read through another process, which is too slow for thousands of files a second.
  guard !bytes.starts(with: [0x89, 0x48, 0x44, 0x46]) else { return }
  refusing {
    let source = try Checkpoint(path: InputFile.write(bytes))
    guard source.tensors.allSatisfy({ $0.byteCount <= readableSize }) else { return }
    let hash = try rootHash(of: source)
    for format in [FormatName.npz, .torch, .safetensors, .flax] {
      refusing { try convert(source, to: format, expecting: hash) }
    }
  }
}

private func convert(
  _ source: Checkpoint, to format: FormatName, expecting hash: String
) throws {
  guard let writer = try CheckpointWriters.writer(for: format) else { return }
  let outputs = withAliases(source.tensors).map { tensor, aliasOf in
    OutputTensor(
      name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, aliasOf: aliasOf
    ) { sink in
      try source.stream(tensor, sink)
    }
  }
  // A note tells of something that the format holds in another form.
  guard try writer.prepare(outputs).isEmpty else { return }
  let path = InputFile.folder + "/written"
  try CheckpointWriters.write(
    outputs, to: path, as: writer, overwrite: true, work: WorkLimits(threads: 1, memory: 1 << 24))
  do {
    let written = try Checkpoint(path: path, options: ReadOptions(format: format))
    guard try rootHash(of: written) == hash else {
      fatalError("written as \(format.rawValue), the tensors are not the same")
    }
  } catch {
    fatalError("what was written as \(format.rawValue) cannot be read: \(error)")
  }
}

private func rootHash(of checkpoint: Checkpoint) throws -> String {
  try CheckpointHash(checkpoint.tensors, threads: 1) { tensor, sink in
    try checkpoint.stream(tensor, sink)
  }.root
}
