package import CheckpointCore
import CheckpointInspection

/// Makes a schema from a checkpoint that is known to be good.
package struct SchemaGenerator: Sendable {
  package enum Kind: Sendable, Equatable {
    /// Every tensor's hash.
    case exact
    /// Bounds around every tensor's figures, widened by this part of its standard deviation and
    /// magnitude.
    case tolerant(slack: Double)
  }

  private let kind: Kind
  private let threads: Int

  package init(_ kind: Kind, threads: Int) {
    self.kind = kind
    self.threads = threads
  }

  /// The schema that `entries` pass.
  package func schema(
    name: String, _ entries: [CheckpointEntry],
    stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) throws -> CheckpointSchema {
    var tensors: [TensorInfo] = []
    for case .tensor(let tensor) in entries { tensors.append(tensor) }
    let isExact = kind == .exact
    let scans = try TensorScan.scan(
      tensors, threads: threads,
      request: { .init(hash: isExact, centroid: !isExact && Self.hasEqualAxes($0.shape)) },
      stream: stream)
    var alike: [FigureKey: Int] = [:]
    for (tensor, aliasOf) in withAliases(tensors) where aliasOf == nil {
      let key = scans[tensor.name].flatMap { FigureKey(tensor, $0.statistics) }
      if let key { alike[key, default: 0] += 1 }
    }
    var drafts: [DraftEntry] = []
    for (tensor, aliasOf) in withAliases(tensors) {
      let isPlain = (try? NamePattern(tensor.name.text))?.isExact ?? false
      guard isPlain else {
        throw CheckpointError(
          entry: tensor.name, "a schema cannot name this tensor: it holds '*', '{' or '}'",
          advice: "leave it out with --exclude")
      }
      guard let scan = scans[tensor.name] else { continue }
      guard aliasOf == nil else {
        drafts.append(DraftEntry(tensor, aliasOf: aliasOf))
        continue
      }
      var draft = DraftEntry(tensor, scan, kind)
      // What is equal in a good file may be.
      draft.allowsDuplicates = (FigureKey(tensor, scan.statistics).flatMap { alike[$0] } ?? 0) > 1
      drafts.append(draft)
    }
    return CheckpointSchema(
      name: name, title: nil, entries: try PatternFolding.fold(drafts).map { try $0.entry() })
  }

  /// Whether a transpose or a flip could keep the shape: no other axes need a centroid.
  private static func hasEqualAxes(_ shape: Shape) -> Bool {
    let extents = shape.dimensions.filter { $0 > 1 }
    return extents.count >= 2 && Set(extents).count < extents.count
  }
}

/// An entry in the making: what one tensor, or several of the same kind, would need.
struct DraftEntry: Sendable {
  /// A name, or once folded a pattern.
  var name: String
  var range: ClosedRange<Int>?
  let dtype: DType
  let shape: [Int]
  let aliasOf: TensorName?
  var allowsDuplicates = false
  var sha256: String?
  var constant: Double?
  var isFinite: Bool
  var mean: ClosedRange<Double>?
  var std: ClosedRange<Double>?
  var absMax: Double?
  var zeroFraction: Double?
  var centroids: [[Double]]

  /// A second name.
  init(_ tensor: TensorInfo, aliasOf: TensorName?) {
    name = tensor.name.text
    dtype = tensor.dtype
    shape = tensor.shape.dimensions
    self.aliasOf = aliasOf
    isFinite = true
    centroids = []
  }

  init(_ tensor: TensorInfo, _ scan: TensorScan, _ kind: SchemaGenerator.Kind) {
    name = tensor.name.text
    dtype = tensor.dtype
    shape = tensor.shape.dimensions
    aliasOf = nil
    let figures = scan.statistics
    isFinite = figures.nanCount == 0 && figures.infinityCount == 0
    centroids = []
    guard case .tolerant(let slack) = kind else {
      sha256 = scan.sha256
      return
    }
    // Bounds of a tensor with NaN would admit nothing, and an empty one has no figures.
    guard isFinite, figures.count > 0 else { return }
    // Counters and indices move by themselves.
    guard !tensor.dtype.isInteger, tensor.dtype != .bool else { return }
    guard figures.count > 1 else {
      // One number has no deviation; its magnitude is all there is to go by.
      let width = slack * figures.mean.magnitude
      mean = finite(figures.mean - width, figures.mean + width)
      return
    }
    guard figures.minimum < figures.maximum else {
      constant = figures.minimum
      return
    }
    let deviation = figures.standardDeviation
    let magnitude = max(figures.minimum.magnitude, figures.maximum.magnitude)
    mean = finite(figures.mean - slack * deviation, figures.mean + slack * deviation)
    std = finite(max(0, deviation * (1 - slack)), deviation * (1 + slack))
    absMax = (magnitude * (1 + slack)).isFinite ? magnitude * (1 + slack) : nil
    let zeros = Double(figures.zeroCount) / Double(figures.count)
    zeroFraction = min(1, zeros + max(slack * zeros, 0.01))
    centroids = scan.centroid.map { [$0] } ?? []
  }

  /// Whether the two differ only in what bounds can cover.
  func isLike(_ other: DraftEntry) -> Bool {
    dtype == other.dtype && shape == other.shape && aliasOf == nil && other.aliasOf == nil
      && sha256 == nil && other.sha256 == nil && constant == other.constant
      && isFinite == other.isFinite && allowsDuplicates == other.allowsDuplicates
      && centroids.count == other.centroids.count
  }

  /// Widens the bounds to those of `other` too.
  mutating func add(_ other: DraftEntry) {
    func union(_ a: ClosedRange<Double>?, _ b: ClosedRange<Double>?) -> ClosedRange<Double>? {
      guard let a, let b else { return nil }
      return min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
    }
    func larger(_ a: Double?, _ b: Double?) -> Double? {
      guard let a, let b else { return nil }
      return max(a, b)
    }
    mean = union(mean, other.mean)
    std = union(std, other.std)
    absMax = larger(absMax, other.absMax)
    zeroFraction = larger(zeroFraction, other.zeroFraction)
    centroids += other.centroids
  }

  /// The entry, its figures rounded outwards to what a person can read.
  func entry() throws -> SchemaEntry {
    func bounds(_ range: ClosedRange<Double>) -> Bounds {
      Bounds(
        minimum: significant(range.lowerBound, digits: 3, .down),
        maximum: significant(range.upperBound, digits: 3, .up))
    }
    func limit(_ value: Double) -> Bounds { Bounds(maximum: significant(value, digits: 3, .up)) }
    var constraints = TensorConstraints()
    constraints.dtypes = [dtype]
    constraints.sha256 = sha256
    constraints.constant = constant
    constraints.isFinite = isFinite ? nil : false
    constraints.allowsDuplicates = allowsDuplicates && sha256 == nil ? true : nil
    constraints.mean = mean.map(bounds)
    constraints.std = std.map(bounds)
    constraints.absMax = absMax.map(limit)
    constraints.zeroFraction = zeroFraction.map(limit)
    constraints.centroids =
      centroids.isEmpty ? nil : centroids.map { $0.map { significant($0, digits: 6) } }
    return SchemaEntry(
      pattern: try NamePattern(name), range: range, shape: shape.map(SchemaEntry.Extent.fixed),
      constraints: constraints, aliasOf: aliasOf)
  }
}

/// The range, or `nil` where figures are beyond what a schema can say.
private func finite(_ low: Double, _ high: Double) -> ClosedRange<Double>? {
  low.isFinite && high.isFinite ? low...high : nil
}
