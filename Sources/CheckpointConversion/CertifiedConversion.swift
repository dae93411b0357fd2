import Bytes
import CheckpointCore
package import CheckpointFormats
import CheckpointInspection

extension Conversion {
  /// What this conversion, written as `staged`, is certified by: both sides are hashed as they are
  /// on disk.
  ///
  /// - Parameter target: the path as the certificate is to name it.
  package func certificate(
    of staged: StagedCheckpoint, as target: String
  ) throws -> Certificate {
    let options = ReadOptions(readingBack: outputs.map(\.dtype))
    let written = CheckpointHash(
      joining: try staged.openedParts(options).map { try $0.hash(of: $0.readableTensors()) })
    var map: String?
    if case .named(let name) = recipe.mapping { map = name }
    return Certificate(
      toolVersion: toolVersion, map: direction == nil ? nil : map ?? model, direction: direction,
      dtype: recipe.dtype?.name, template: recipe.template, selection: .init(of: checkpoint),
      source: try checkpoint.hash(of: sources).side(checkpoint.path),
      target: written.side(target), origins: origins)
  }
}

extension Certificate {
  /// More than the largest model's certificate.
  private static let maximumSize = 256 << 20

  /// The certificate in the file at `path`.
  package init(path: String) throws {
    let bytes = try DocumentFile.read(path, limit: Self.maximumSize, kind: "a certificate")
    self = try inFile(path) { try Certificate(json: bytes) }
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
