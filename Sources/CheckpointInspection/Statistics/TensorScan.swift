import Bytes
package import CheckpointCore

/// Everything asked of one tensor, found in a single pass over its elements.
package struct TensorScan: Sendable {
  /// What to find besides the figures.
  package struct Request: Sendable {
    package var hash: Bool
    package var centroid: Bool
    package var histogram: Bool
    package var deadChannels: Bool

    package init(
      hash: Bool = false, centroid: Bool = false, histogram: Bool = false,
      deadChannels: Bool = false
    ) {
      self.hash = hash
      self.centroid = centroid
      self.histogram = histogram
      self.deadChannels = deadChannels
    }
  }

  package let statistics: Statistics
  /// SHA-256 of the elements in C order, little-endian.
  package let sha256: String?
  /// Per axis, where the tensor's energy lies: Σ x²·index / Σ x². A transpose exchanges two of
  /// them, a flip mirrors one; small changes of the elements hardly move them.
  package let centroid: [Double]?
  package let histogram: Histogram?
  /// How many slices along the first and the last axis hold nothing but zeros; `nil` for a tensor
  /// without channels.
  package let deadChannels: (first: Int, last: Int)?

  /// Scans `tensors` on all threads; an alias has the result of its original.
  ///
  /// - Returns: the results by name.
  package static func scan(
    _ tensors: [TensorInfo], threads: Int,
    request: @escaping @Sendable (TensorInfo) -> Request,
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) throws -> [TensorName: TensorScan] {
    let pass = TensorPass.scans(
      of: tensors, threads: threads, request: request, stream: stream)
    return pass.byName(try pass.outcomes())
  }

  fileprivate init(
    _ tensor: TensorInfo, _ request: Request,
    _ stream: (TensorInfo, ElementSink) throws -> Void
  ) throws {
    var figures = StatisticsAccumulator()
    let hash = request.hash ? SHA256() : nil
    var energy = request.centroid ? EnergyCentroid(tensor.shape) : nil
    var distribution = request.histogram ? HistogramAccumulator() : nil
    var channels = request.deadChannels ? DeadChannels(tensor) : nil
    try stream(tensor) { position, chunk in
      let zeros = figures.total.zeroCount
      figures.add(chunk, tensor.dtype)
      distribution?.add(chunk, tensor.dtype)
      channels?.add(
        at: position, chunk, tensor.dtype, hasZeros: figures.total.zeroCount > zeros)
      hash?.update(chunk)
      energy?.add(chunk, tensor.dtype)
    }
    statistics = figures.total
    sha256 = hash.map { hexadecimal($0.finalize()) }
    centroid = energy?.centroid
    histogram = distribution?.histogram(figures.total)
    deadChannels = channels?.counts
  }
}

extension TensorPass where Outcome == TensorScan {
  /// Everything asked of every tensor.
  package static func scans(
    of tensors: [TensorInfo], threads: Int,
    request: @escaping @Sendable (TensorInfo) -> TensorScan.Request,
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) -> TensorPass {
    TensorPass(tensors, threads: threads) { try TensorScan($0, request($0), stream) }
  }
}

/// What a validation asks for: histograms and channels are a report's, which is made in one go.
extension TensorScan: RecordedOutcome {
  package var record: JSONValue {
    .object([
      "statistics": statistics.record, "sha256": .optional(sha256),
      "centroid": centroid.map { .array($0.map(JSONValue.exact)) } ?? .null,
    ])
  }

  package init(record node: DocumentNode) throws {
    statistics = try Statistics(record: try node.require("statistics"))
    sha256 = try node.optional("sha256")?.string()
    centroid = try node.optional("centroid")?.items().map { try $0.exactDouble() }
    histogram = nil
    deadChannels = nil
  }
}
