import Bytes
public import CheckpointCore

/// A tensor with its figures.
public struct StatisticsRow: Sendable {
  public let tensor: TensorInfo
  /// The first name of the same storage, where this is not the first.
  public let aliasOf: TensorName?
  public let statistics: Statistics

  public init(tensor: TensorInfo, aliasOf: TensorName?, statistics: Statistics) {
    self.tensor = tensor
    self.aliasOf = aliasOf
    self.statistics = statistics
  }
}

/// Computes the figures of `tensors`, on all threads. An alias takes the figures of its original.
public func statistics(
  of tensors: [TensorInfo], threads: Int,
  stream: @Sendable (TensorInfo, ElementSink) throws -> Void
) throws -> [StatisticsRow] {
  let list = withAliases(tensors)
  let originals = list.filter { $0.aliasOf == nil }.map(\.tensor)
  let results = try parallelMap(originals.count, threads: threads) { index in
    let tensor = originals[index]
    var accumulator = StatisticsAccumulator()
    var elements: [Float] = []
    let wantsPublishedMean =
      tensor.dtype == .float32 && tensor.shape.count < CUDAMean.elementLimit
      && tensor.shape.count > 0
    try stream(tensor) { _, chunk in
      accumulator.add(chunk, tensor.dtype)
      if wantsPublishedMean { appendFloats(chunk, to: &elements) }
    }
    var figures = accumulator.total
    if wantsPublishedMean { figures.publishedMean = Double(CUDAMean.mean(elements)) }
    return figures
  }
  let figures = Dictionary(
    zip(originals.map(\.name), results), uniquingKeysWith: { first, _ in first })
  return list.map {
    StatisticsRow(
      tensor: $0.tensor, aliasOf: $0.aliasOf,
      statistics: figures[$0.aliasOf ?? $0.tensor.name] ?? Statistics())
  }
}

private func appendFloats(_ bytes: Span<UInt8>, to values: inout [Float]) {
  unsafe bytes.withUnsafeBytes { buffer in
    for offset in stride(from: 0, to: buffer.count, by: 4) {
      values.append(
        Float(
          bitPattern: UInt32(
            littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self))))
    }
  }
}
