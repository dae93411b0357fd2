import Bytes
public import CheckpointConversion
public import CheckpointCore
public import CheckpointFormats

extension Checkpoint {
  /// Writes tensors to `path`: whole, or not at all. What the format cannot hold is refused before
  /// anything is written.
  ///
  /// - Parameters:
  ///   - tensors: in the order in which the file is to have them; names are distinct.
  ///   - path: the file, whose folder exists.
  ///   - format: by the extension of `path` without it.
  ///   - overwrite: whether a file at `path` may be replaced.
  /// - Returns: one sentence for each thing that the format holds in another form.
  /// - Throws: `CheckpointError`, naming the file.
  @discardableResult
  public static func write(
    _ tensors: [OutputTensor], to path: String, as format: FormatName? = nil,
    overwrite: Bool = false
  ) throws -> [String] {
    let writer = try writer(for: path, format)
    return try inFile(path) {
      try CheckpointWriters.write(
        tensors, to: path, as: writer, overwrite: overwrite, work: .all(for: tensors))
    }
  }

  /// Converts this checkpoint to `path`, as the command does: every tensor of it is used once and every
  /// target made once, or nothing is written.
  ///
  /// - Parameters:
  ///   - path: the file to write, whose folder exists.
  ///   - recipe: the mapping, its direction, a cast; by default the one built-in mapping that fits.
  ///   - format: by the extension of `path` without it.
  ///   - certificate: where to record the hashes of both sides and what made each tensor, which
  ///     `CertificateReplay` holds against the files.
  ///   - overwrite: whether files that have these names may be replaced.
  /// - Returns: one sentence for each thing that did not come through as it was.
  /// - Throws: `CheckpointError` where the recipe does not fit, where an entry holds data that cannot be
  ///   read, and where the output cannot be written.
  @discardableResult
  public func convert(
    to path: String, by recipe: ConversionRecipe = ConversionRecipe(), as format: FormatName? = nil,
    certificate: String? = nil, overwrite: Bool = false
  ) throws -> [String] {
    let writer = try Self.writer(for: path, format)
    let conversion = try Conversion(of: self, by: recipe)
    do {
      let record = try certificate.map { try AtomicFile(path: $0, overwrite: overwrite) }
      return try conversion.write(certificate: record) {
        try CheckpointWriters.stage(
          conversion.outputs, conversion.values, to: path, as: writer, overwrite: overwrite,
          work: .all(for: conversion.outputs))
      }.notes
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
  }

  private static func writer(
    for path: String, _ format: FormatName?
  ) throws -> any CheckpointWriter {
    guard let format = format ?? CheckpointWriters.format(forPath: path),
      let writer = try CheckpointWriters.writer(for: format)
    else {
      let names = CheckpointWriters.formats.map(\.rawValue).joined(separator: ", ")
      throw CheckpointError(
        kind: .usage, file: path,
        format.map { "\($0.rawValue) files are read but not written" }
          ?? "this name's extension stands for no format",
        advice: "the formats that are written: \(names)")
    }
    return writer
  }
}

extension WorkLimits {
  fileprivate static func all(for tensors: [OutputTensor]) -> WorkLimits {
    forTensors(largest: tensors.map(\.workingMemory).max() ?? 0)
  }
}
