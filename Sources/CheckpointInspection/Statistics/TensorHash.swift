import Bytes
public import CheckpointCore

/// A tensor with the SHA-256 of its elements in C order, little-endian.
public struct TensorHash: Sendable {
  /// What was hashed.
  public let tensor: TensorInfo
  /// In hexadecimal, 64 digits.
  public let sha256: String
}

/// The hashes of a checkpoint's tensors and one for the whole.
public struct CheckpointHash: Sendable {
  /// In name order.
  public let tensors: [TensorHash]
  /// Equal for the same names, dtypes, shapes and elements in any format: the SHA-256 of one line
  /// per tensor in name order (by UTF-8 bytes), `NAME-LENGTH NAME DTYPE SHAPE SHA256\n`, where the
  /// length is that of the name in bytes and the shape is its extents joined by commas.
  public let root: String

  /// Hashes `tensors` on all threads; those that view the same elements are hashed once.
  package init(
    _ tensors: [TensorInfo], threads: Int,
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) throws {
    let pass = TensorPass.hashes(of: tensors, threads: threads, stream: stream)
    self = pass.hash(try pass.outcomes())
  }

  /// The hash of a set of files.
  package init(joining parts: [CheckpointHash]) { self.init(parts.flatMap(\.tensors)) }

  fileprivate init(_ tensors: [TensorHash]) {
    self.tensors = tensors.sorted { $0.tensor.name < $1.tensor.name }
    let whole = SHA256()
    for item in self.tensors {
      let name = item.tensor.name
      let shape = item.tensor.shape.dimensions.map(String.init).joined(separator: ",")
      let line = "\(name.utf8.count) \(name) \(item.tensor.dtype) \(shape) \(item.sha256)\n"
      whole.update(Array(line.utf8).span)
    }
    root = hexadecimal(whole.finalize())
  }
}

extension TensorPass where Outcome == String {
  /// The SHA-256 of every tensor.
  package static func hashes(
    of tensors: [TensorInfo], threads: Int,
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) -> TensorPass {
    TensorPass(tensors, threads: threads) { tensor in
      let hash = SHA256()
      try stream(tensor) { _, chunk in hash.update(chunk) }
      return hexadecimal(hash.finalize())
    }
  }

  /// - Parameter outcomes: one per item.
  package func hash(_ outcomes: [String]) -> CheckpointHash {
    let digests = byName(outcomes)
    return CheckpointHash(
      list.map { TensorHash(tensor: $0.tensor, sha256: digests[$0.tensor.name] ?? "") })
  }
}

extension CheckpointHash {
  /// Hashes tensors that are made rather than read; a second name is not made again.
  package init(_ outputs: [OutputTensor], threads: Int) throws {
    let byName = Dictionary(
      outputs.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let tensors = outputs.map { output in
      // Names of one storage are hashed once.
      let storage = StorageView(
        key: (output.aliasOf ?? output.name).text, fileOffset: nil, offset: 0,
        strides: output.shape.strides)
      return TensorInfo(
        name: output.name, dtype: output.dtype, shape: output.shape, storage: storage)
    }
    try self.init(tensors, threads: threads) { tensor, body in
      try byName[tensor.name]?.produce(body)
    }
  }
}

func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
  digest.map { byte in
    let digits = String(byte, radix: 16)
    return digits.count == 1 ? "0" + digits : digits
  }.joined()
}
