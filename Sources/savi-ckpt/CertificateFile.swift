import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping

/// A certificate being written, and one being read.
struct CertificateFile {
  private let file: AtomicFile

  /// Reserves the place before the conversion, so that it does not fail after it.
  static func create(_ path: String, overwrite: Bool) throws -> CertificateFile {
    CertificateFile(file: try AtomicFile(path: path, overwrite: overwrite))
  }

  func write(_ certificate: Certificate) throws {
    let bytes = Array((certificate.json.serialized(pretty: true) + "\n").utf8)
    try file.write(bytes.span, at: 0)
    try file.commit()
  }

  /// More than the largest model's certificate.
  private static let maximumSize = 256 << 20

  static func read(_ path: String) throws -> Certificate {
    let file = try RandomAccessFile(path: path)
    guard file.size <= maximumSize else {
      throw CheckpointError(file: path, "\(file.size) bytes are too many for a certificate")
    }
    do {
      return try Certificate(json: try file.readPrefix(file.size))
    } catch let error as CheckpointError {
      throw error.inFile(path)
    }
  }

  /// What the conversion that has just written `written` is certified by: both files are hashed as
  /// they are on disk.
  static func certificate(
    _ conversion: Conversion, of checkpoint: Checkpoint, selection: InputOptions, map: String?,
    dtype: DType?, written: String
  ) throws -> Certificate {
    let source = try CheckpointHash(
      conversion.sources, threads: Machine.processorCount
    ) { try checkpoint.stream($0, $1) }
    let target = try Checkpoint(path: written)
    let hash = try CheckpointHash(
      target.tensors, threads: Machine.processorCount
    ) { try target.stream($0, $1) }
    return Certificate(
      toolVersion: SaviCkpt.version,
      map: conversion.direction == nil ? nil : map ?? conversion.model,
      direction: conversion.direction, dtype: dtype?.name,
      selection: .init(
        key: selection.key, include: selection.include, exclude: selection.exclude),
      source: source.side(checkpoint.path), target: hash.side(written),
      origins: conversion.origins)
  }
}

extension CheckpointHash {
  /// The hashes as a certificate keeps them.
  func side(_ file: String) -> Certificate.Side {
    Certificate.Side(
      file: file, root: root,
      tensors: tensors.map {
        Certificate.Digest(
          name: $0.tensor.name, dtype: $0.tensor.dtype.name, shape: $0.tensor.shape.dimensions,
          sha256: $0.sha256)
      })
  }
}
