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
    let bytes = try DocumentFile.read(path, limit: maximumSize, kind: "a certificate")
    return try inFile(path) { try Certificate(json: bytes) }
  }

  /// What the conversion that has just written `written` is certified by: both files are hashed as
  /// they are on disk.
  static func certificate(
    _ conversion: Conversion, of checkpoint: Checkpoint, selection: InputOptions, map: String?,
    dtype: DType?, written: String
  ) throws -> Certificate {
    let source = try checkpoint.hash(of: conversion.sources)
    let target = try Checkpoint(path: written)
    let hash = try target.hash(of: target.tensors)
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

extension Checkpoint {
  /// The hashes of some of its tensors.
  func hash(of tensors: [TensorInfo]) throws -> CheckpointHash {
    try CheckpointHash(tensors, threads: Machine.processorCount) { try stream($0, $1) }
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
