import Bytes
public import CheckpointCore

/// Everything asked of one tensor, found in a single pass over its elements.
public struct TensorScan: Sendable {
  /// What to find besides the figures.
  public struct Request: Sendable {
    public var hash: Bool
    public var centroid: Bool
    public var histogram: Bool
    public var deadChannels: Bool

    public init(
      hash: Bool = false, centroid: Bool = false, histogram: Bool = false,
      deadChannels: Bool = false
    ) {
      self.hash = hash
      self.centroid = centroid
      self.histogram = histogram
      self.deadChannels = deadChannels
    }
  }

  public let statistics: Statistics
  /// SHA-256 of the elements in C order, little-endian.
  public let sha256: String?
  /// Per axis, where the tensor's energy lies: Σ x²·index / Σ x². A transpose exchanges two of
  /// them, a flip mirrors one; small changes of the elements hardly move them.
  public let centroid: [Double]?
  public let histogram: Histogram?
  /// How many slices along the first and the last axis hold nothing but zeros; `nil` for a tensor
  /// without channels.
  public let deadChannels: (first: Int, last: Int)?

  /// Scans `tensors` on all threads; an alias has the result of its original.
  ///
  /// - Returns: the results by name.
  public static func scan(
    _ tensors: [TensorInfo], threads: Int, request: @Sendable (TensorInfo) -> Request,
    stream: @Sendable (TensorInfo, ElementSink) throws -> Void
  ) throws -> [TensorName: TensorScan] {
    let list = withAliases(tensors)
    let originals = list.filter { $0.aliasOf == nil }.map(\.tensor)
    let scans = try parallelMap(originals.count, threads: threads) { index in
      let tensor = originals[index]
      return try TensorScan(tensor, request(tensor), stream)
    }
    let byName = Dictionary(
      zip(originals.map(\.name), scans), uniquingKeysWith: { first, _ in first })
    return Dictionary(
      list.compactMap { item in
        byName[item.aliasOf ?? item.tensor.name].map { (item.tensor.name, $0) }
      }, uniquingKeysWith: { first, _ in first })
  }

  private init(
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
