import Bytes
package import CheckpointCore

/// The writers, by format.
package enum CheckpointWriters {
  private static var all: [any CheckpointWriter] {
    RegisteredFormats.writers + builtIn
  }

  private static let builtIn: [any CheckpointWriter] = {
    var writers: [any CheckpointWriter] = [NpzWriter(), NpyWriter()]
    #if HDF5
      writers.append(HDF5Writer())
    #endif
    return writers + [TorchZipWriter(), SafetensorsWriter(), FlaxWriter()]
  }()

  package static var formats: [FormatName] { all.map(\.format) }

  /// The writer of `format`; `nil` where it is only read.
  ///
  /// - Parameter compression: a deflate level, 1 to 9, where the format can use one.
  /// - Throws: `CheckpointError` where the format cannot be compressed.
  package static func writer(
    for format: FormatName, compression: Int? = nil
  ) throws -> (any CheckpointWriter)? {
    if let compression {
      guard format == .hdf5 else {
        throw CheckpointError(
          kind: .usage, "\(format.rawValue) files are not written compressed",
          advice: "leave out --gzip, or write hdf5")
      }
      #if HDF5
        return HDF5Writer(compressionLevel: compression)
      #else
        return nil
      #endif
    }
    return all.first { $0.format == format }
  }

  /// The format that a file name's extension stands for.
  package static func format(forPath path: String) -> FormatName? {
    CheckpointExtensions.format(ofPath: path)
  }

  /// Writes `tensors`, and of `values` what the format can hold, to `path`: whole, or not at all.
  ///
  /// - Returns: one sentence for each thing that the format holds in another form.
  @discardableResult
  package static func write(
    _ tensors: [OutputTensor], _ values: [OutputValue] = [], to path: String,
    as writer: any CheckpointWriter, overwrite: Bool, work: WorkLimits
  ) throws -> [String] {
    let checkpoint = try stage(
      tensors, values, to: path, as: writer, overwrite: overwrite, work: work)
    try checkpoint.commit()
    return checkpoint.notes
  }

  /// Writes `tensors`, and of `values` what the format can hold, beside `path`, where they wait to be
  /// committed.
  package static func stage(
    _ tensors: [OutputTensor], _ values: [OutputValue] = [], to path: String,
    as writer: any CheckpointWriter, overwrite: Bool, work: WorkLimits
  ) throws -> StagedCheckpoint {
    let notes = try prepare(tensors, values, for: writer)
    do {
      AtomicFile.sweepLeftovers(of: path)
      let file = try AtomicFile(path: path, overwrite: overwrite)
      try writer.write(
        tensors, writer.held(values, beside: tensors), to: file, work: work)
      return StagedCheckpoint(path: path, notes: notes, parts: [file], index: nil)
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
  }

  /// Refuses what cannot be written, or could not be read again, before anything is.
  ///
  /// - Returns: one sentence for each thing that the format holds in another form.
  package static func prepare(
    _ tensors: [OutputTensor], _ values: [OutputValue] = [], for writer: any CheckpointWriter
  ) throws -> [String] {
    guard tensors.count <= StructureLimits.entries else {
      throw CheckpointError.beyondLimit("tensors", limit: StructureLimits.entries)
    }
    guard tensors.reduce(0, { $0 + $1.name.utf8.count }) <= StructureLimits.nameBytes else {
      throw CheckpointError.beyondLimit("bytes of names", limit: StructureLimits.nameBytes)
    }
    var originals: [TensorName: OutputTensor] = [:]
    for tensor in tensors where tensor.aliasOf == nil {
      guard originals.updateValue(tensor, forKey: tensor.name) == nil else {
        throw CheckpointError(entry: tensor.name, "two tensors to be written have this name")
      }
      guard tensor.shape.rank <= StructureLimits.rank else {
        throw CheckpointError(
          entry: tensor.name,
          "it has \(tensor.shape.rank) dimensions; NumPy and PyTorch load at most "
            + "\(StructureLimits.rank)",
          advice: "leave it out with --exclude")
      }
    }
    var seconds: Set<TensorName> = []
    for tensor in tensors {
      guard let name = tensor.aliasOf else { continue }
      guard let original = originals[name], originals[tensor.name] == nil,
        seconds.insert(tensor.name).inserted,
        original.shape == tensor.shape, original.dtype == tensor.dtype
      else {
        throw CheckpointError(
          entry: tensor.name, "it is to be a second name of \(name), which is not such a tensor")
      }
    }
    let notes = try writer.prepare(tensors)
    let held = Set(writer.held(values, beside: tensors))
    return notes + leftOutNotes(values.filter { !held.contains($0) }, writer.format)
  }

  private static func leftOutNotes(_ values: [OutputValue], _ format: FormatName) -> [String] {
    guard !values.isEmpty else { return [] }
    let names = values.prefix(3).map(\.name.text).joined(separator: ", ")
    return [
      "left out \(values.count) \(values.count == 1 ? "entry" : "entries"), not parameters: "
        + "\(names)\(values.count > 3 ? ", …" : "") (\(format.rawValue) files have no place for "
        + "\(values.count == 1 ? "it" : "them"))"
    ]
  }

  /// Writes `tensors` beside `path` as a sharded safetensors set, which waits to be committed:
  /// `STEM-00001-of-0000N.safetensors`, …, and `STEM.safetensors.index.json`, which appears last.
  ///
  /// - Parameter limit: bytes of elements per shard; a larger tensor has a shard to itself.
  package static func stageShards(
    _ tensors: [OutputTensor], _ values: [OutputValue] = [], to path: String, limit: Int,
    overwrite: Bool, work: WorkLimits
  ) throws -> StagedCheckpoint {
    let set = try ShardedOutput(tensors, values, to: path, limit: limit)
    do {
      // Open until all is committed, which shows a later run that the set has an owner.
      let index = try set.index(overwrite: overwrite)
      // All are written before any gets its name, and closed: there may be thousands.
      let files = try set.shards.indices.map { number in
        try set.stage(number, overwrite: overwrite, work: work)
      }
      return StagedCheckpoint(path: set.path, notes: set.notes, parts: files, index: index)
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
  }
}
