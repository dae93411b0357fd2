import Bytes
public import CheckpointCore

/// A tensor with its figures, or a family of tensors that are alike.
public struct StatisticsRow: Sendable {
  /// Of a family, its first member under the family's name.
  public let tensor: TensorInfo
  /// How many tensors the row stands for.
  package var count = 1
  /// The first name of the same storage, where this is not the first.
  public let aliasOf: TensorName?
  /// Its figures; an alias has its original's.
  public let statistics: Statistics

  package init(tensor: TensorInfo, aliasOf: TensorName?, statistics: Statistics) {
    self.tensor = tensor
    self.aliasOf = aliasOf
    self.statistics = statistics
  }

  /// The elements of all tensors of the row.
  public var size: Int { count * tensor.shape.count }

  private struct Kind: Hashable {
    let dtype: DType
    let shape: Shape
    let isAlias: Bool
  }

  /// The rows with numbered families as one row each, whose figures are those of all their elements.
  static func folded(_ rows: [StatisticsRow]) -> [StatisticsRow] {
    let names = FoldedNames(
      rows.map { row in
        (
          name: row.tensor.name,
          key: Kind(
            dtype: row.tensor.dtype, shape: row.tensor.shape, isAlias: row.aliasOf != nil)
        )
      })
    return names.list.compactMap { name, members in
      guard let first = members.first, members.count > 1 else {
        return members.first.map { rows[$0] }
      }
      var figures = Statistics()
      for member in members { figures.add(rows[member].statistics) }
      var row = StatisticsRow(
        tensor: rows[first].tensor.renamed(TensorName(name)), aliasOf: rows[first].aliasOf,
        statistics: figures)
      row.count = members.count
      return row
    }
  }
}

/// Computes the figures of `tensors`, on all threads. An alias takes the figures of its original.
package func statistics(
  of tensors: [TensorInfo], threads: Int,
  stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
) throws -> [StatisticsRow] {
  let pass = TensorPass.statistics(of: tensors, threads: threads, stream: stream)
  return pass.rows(try pass.outcomes())
}

extension TensorPass where Outcome == Statistics {
  /// The figures of every tensor.
  package static func statistics(
    of tensors: [TensorInfo], threads: Int,
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) -> TensorPass {
    TensorPass(tensors, threads: threads) { tensor in
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
  }

  /// - Parameter outcomes: one per item.
  package func rows(_ outcomes: [Statistics]) -> [StatisticsRow] {
    let figures = byName(outcomes)
    return list.map {
      StatisticsRow(
        tensor: $0.tensor, aliasOf: $0.aliasOf,
        statistics: figures[$0.tensor.name] ?? Statistics())
    }
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
