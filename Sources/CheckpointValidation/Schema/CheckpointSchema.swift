package import CheckpointCore
package import CheckpointMapping

/// What a checkpoint's weights must be. `schemas/checkpoint.schema.json` describes the file.
public struct CheckpointSchema: Sendable {
  /// Whose layout a model's tensors are in.
  package enum Layout: String, Sendable, CaseIterable { case torch, flax }

  /// What reports call it.
  public let name: String
  /// What the schema says it is of.
  public let title: String?
  /// The model whose tensors these are; their names and shapes follow from its document.
  package let model: ModelDocument?
  package let layout: Layout
  /// Whether tensors that no entry names are findings.
  package let isClosed: Bool
  /// Named extents that are fixed; the others take the value of their first use.
  package let dimensions: [String: Int]
  package let defaults: TensorConstraints
  package let entries: [SchemaEntry]
  /// The entries by the names they spell out, as indices; the others are patterns.
  private let byName: [TensorName: [Int]]
  private let patterns: PatternIndex

  /// The version of the file format this tool reads.
  package static let schemaVersion = 1

  package init(
    name: String, title: String?, model: ModelDocument? = nil, layout: Layout = .torch,
    isClosed: Bool = true, dimensions: [String: Int] = [:],
    defaults: TensorConstraints = TensorConstraints(), entries: [SchemaEntry]
  ) {
    self.name = name
    self.title = title
    self.model = model
    self.layout = layout
    self.isClosed = isClosed
    self.dimensions = dimensions
    self.defaults = defaults
    self.entries = entries
    var byName: [TensorName: [Int]] = [:]
    for (index, entry) in entries.enumerated() {
      for name in entry.names { byName[name, default: []].append(index) }
    }
    self.byName = byName
    patterns = PatternIndex(
      entries.indices.filter { entries[$0].names.isEmpty }.map { ($0, entries[$0].pattern) })
  }

  /// The entries that say something of `name`, in the schema's order.
  func entries(for name: TensorName) -> [SchemaEntry] {
    indices(for: name).map { entries[$0] }
  }

  /// Their indices, in order.
  func indices(for name: TensorName) -> [Int] {
    let matching = patterns.candidates(for: name).filter { entries[$0].covers(name) }
    return ((byName[name] ?? []) + matching).sorted()
  }
}

/// The tensors of one name or pattern.
package struct SchemaEntry: Sendable {
  /// An extent of a shape.
  package enum Extent: Sendable, Equatable {
    case fixed(Int)
    /// Equal wherever this name stands.
    case named(String)
    case any
  }

  package let pattern: NamePattern
  /// What the pattern's variable counts through, where it is given: each of these must be there.
  package let range: ClosedRange<Int>?
  /// How many tensors must match.
  package let count: ClosedRange<Int>?
  package let isRequired: Bool
  package let shape: [Extent]?
  package let constraints: TensorConstraints
  /// Where it stands in the document.
  package let position: DocumentNode.Position?
  /// The tensor whose storage this is a second name of.
  package let aliasOf: TensorName?

  package init(
    pattern: NamePattern, range: ClosedRange<Int>? = nil, count: ClosedRange<Int>? = nil,
    isRequired: Bool = true, shape: [Extent]? = nil,
    constraints: TensorConstraints = TensorConstraints(), aliasOf: TensorName? = nil,
    position: DocumentNode.Position? = nil
  ) {
    self.pattern = pattern
    self.range = range
    self.count = count
    self.isRequired = isRequired
    self.shape = shape
    self.constraints = constraints
    self.aliasOf = aliasOf
    self.position = position
  }

  /// The names that must be there: the pattern's own, or one per number of its range; none where a
  /// wildcard leaves them open.
  var names: [TensorName] {
    if pattern.isExact { return [TensorName(pattern.text)] }
    guard !pattern.hasWildcard else { return [] }
    return range.map { $0.map { pattern.name([$0]) } } ?? []
  }

  /// Whether `name` is one of the entry's tensors.
  func covers(_ name: TensorName) -> Bool {
    guard let numbers = pattern.match(name) else { return false }
    guard let range else { return true }
    // A number with leading zeros is another name.
    return numbers.allSatisfy(range.contains)
      && (pattern.hasWildcard || pattern.name(numbers) == name)
  }
}

/// The least and the greatest a figure may be.
package struct Bounds: Sendable, Equatable {
  package let minimum: Double?
  package let maximum: Double?

  package init(minimum: Double? = nil, maximum: Double? = nil) {
    self.minimum = minimum
    self.maximum = maximum
  }

  func contains(_ value: Double) -> Bool {
    // NaN is within nothing.
    (minimum.map { value >= $0 } ?? !value.isNaN) && (maximum.map { value <= $0 } ?? !value.isNaN)
  }
}

/// What the elements of a tensor must be; `nil` where nothing is asked.
package struct TensorConstraints: Sendable, Equatable {
  package var dtypes: [DType]?
  /// Every element's value.
  package var constant: Double?
  package var isFinite: Bool?
  package var mean: Bounds?
  /// The unbiased standard deviation.
  package var std: Bounds?
  package var absMax: Bounds?
  /// The part of the elements that are zero.
  package var zeroFraction: Bounds?
  /// A tensor whose elements these must equal.
  package var equals: TensorName?
  /// Whether another tensor may hold the same elements.
  package var allowsDuplicates: Bool?
  package var sha256: String?
  /// The energy's centroid along each axis (`TensorScan.centroid`): one list per tensor of the
  /// entry, in the order of its range.
  package var centroids: [[Double]]?

  package init() {}

  /// These constraints, and where they ask nothing those of `defaults`.
  func over(_ defaults: TensorConstraints) -> TensorConstraints {
    var result = self
    result.dtypes = dtypes ?? defaults.dtypes
    result.constant = constant ?? defaults.constant
    result.isFinite = isFinite ?? defaults.isFinite
    result.mean = mean ?? defaults.mean
    result.std = std ?? defaults.std
    result.absMax = absMax ?? defaults.absMax
    result.zeroFraction = zeroFraction ?? defaults.zeroFraction
    result.equals = equals ?? defaults.equals
    result.allowsDuplicates = allowsDuplicates ?? defaults.allowsDuplicates
    result.sha256 = sha256 ?? defaults.sha256
    result.centroids = centroids ?? defaults.centroids
    return result
  }
}
