import CheckpointCore

/// Puts a target tensor together from runs of its sources' elements, which may come in any order and
/// be cut anywhere.
struct TensorAssembler: ~Copyable {
  private let transform: LayoutTransform
  private let elementSize: Int
  private var coverage: [ElementCoverage]

  init(_ transform: LayoutTransform, elementSize: Int) {
    self.transform = transform
    self.elementSize = elementSize
    coverage = transform.placements.map { ElementCoverage(0..<$0.shape.count) }
  }

  /// Sets the elements of `target` that have no source to zero.
  func begin(_ target: inout [UInt8]) {
    for byte in transform.zeros.lowerBound * elementSize..<transform.zeros.upperBound * elementSize
    {
      target[byte] = 0
    }
  }

  /// Puts a run of source `index`, whose first element is number `position` of it, in its place.
  ///
  /// - Throws: `CheckpointError` where an element comes twice or is none of that source's.
  mutating func place(
    _ run: Span<UInt8>, at position: Int, of index: Int, into target: inout [UInt8]
  ) throws {
    let range = position..<position + run.count / elementSize
    try coverage[index].add(range)
    var span = target.mutableSpan
    try transform.scatter(
      run, elements: range, index: index, into: &span, elementSize: elementSize)
  }

  /// - Throws: `CheckpointError` unless every element of every source has arrived.
  consuming func finish() throws {
    for source in coverage { try source.finish() }
  }
}
