/// Copying between two strided arrangements of the same elements.
///
/// One kernel serves every layout change of the project: strides and Fortran order of a file being
/// read, and the transposes, flips and interleavings of a conversion. Dimensions that are
/// contiguous on both sides are merged first, and the two innermost loops are tiled, so that a
/// transpose reads and writes whole cache lines.
package struct StridedCopy: Sendable, Equatable {
  /// One dimension: its extent, and the step in elements on each side (negative for a flip).
  struct Axis: Equatable {
    var count: Int
    var source: Int
    var target: Int
  }

  private let axes: [Axis]
  private let sourceOffset: Int
  private let targetOffset: Int
  private let sourceBounds: ClosedRange<Int>?
  private let targetBounds: ClosedRange<Int>?

  /// - Parameters:
  ///   - shape: the extents that both sides share.
  ///   - sourceStrides: steps in elements, one per dimension.
  ///   - sourceOffset: the element of the source at index (0, …, 0).
  ///   - targetStrides: as for the source.
  ///   - targetOffset: the element of the target at index (0, …, 0).
  /// - Returns: `nil` where the arithmetic overflows or the ranks differ.
  package init?(
    shape: [Int], sourceStrides: [Int], sourceOffset: Int = 0, targetStrides: [Int],
    targetOffset: Int = 0
  ) {
    guard shape.count == sourceStrides.count, shape.count == targetStrides.count else {
      return nil
    }
    let all = zip(shape, zip(sourceStrides, targetStrides)).map {
      Axis(count: $0, source: $1.0, target: $1.1)
    }
    self.sourceOffset = sourceOffset
    self.targetOffset = targetOffset
    guard !shape.contains(0) else {
      (axes, sourceBounds, targetBounds) = ([Axis(count: 0, source: 0, target: 0)], nil, nil)
      return
    }
    guard let source = elementBounds(shape: shape, strides: sourceStrides, offset: sourceOffset),
      let target = elementBounds(shape: shape, strides: targetStrides, offset: targetOffset)
    else { return nil }
    (sourceBounds, targetBounds) = (source, target)
    axes = Self.merged(all)
  }

  /// Orders the axes by descending target step and merges neighbours that form one run on both
  /// sides.
  private static func merged(_ axes: [Axis]) -> [Axis] {
    let ordered = axes.filter { $0.count != 1 }.sorted {
      (abs($0.target), abs($0.source)) > (abs($1.target), abs($1.source))
    }
    var result: [Axis] = []
    for axis in ordered {
      if let last = result.last, last.source == axis.source &* axis.count,
        last.target == axis.target &* axis.count
      {
        result[result.count - 1] = Axis(
          count: last.count * axis.count, source: axis.source, target: axis.target)
      } else {
        result.append(axis)
      }
    }
    return result
  }

  /// Copies every element. Both buffers are checked against the strides before the first.
  ///
  /// - Parameter elementSize: bytes per element: 1, 2, 4, 8 or 16.
  /// - Returns: false, with nothing copied, where either buffer is too small.
  package func callAsFunction(
    from source: Span<UInt8>, to target: inout MutableSpan<UInt8>, elementSize: Int
  ) -> Bool {
    guard let sourceBounds, let targetBounds else { return true }
    guard sourceBounds.lowerBound >= 0, targetBounds.lowerBound >= 0,
      sourceBounds.upperBound < source.count / elementSize,
      targetBounds.upperBound < target.count / elementSize
    else { return false }
    // The bounds were checked just above, for every index the loops form.
    unsafe source.withUnsafeBytes { from in
      unsafe target.withUnsafeMutableBytes { to in
        switch elementSize {
        case 1: unsafe run(from.baseAddress!, to.baseAddress!, UInt8.self)
        case 2: unsafe run(from.baseAddress!, to.baseAddress!, UInt16.self)
        case 4: unsafe run(from.baseAddress!, to.baseAddress!, UInt32.self)
        case 8: unsafe run(from.baseAddress!, to.baseAddress!, UInt64.self)
        default: unsafe run(from.baseAddress!, to.baseAddress!, UInt128.self)
        }
      }
    }
    return true
  }

  private func run<T: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _: T.Type
  ) {
    let from = unsafe source + sourceOffset * MemoryLayout<T>.size
    let to = unsafe target + targetOffset * MemoryLayout<T>.size
    unsafe recurse(0, from, to, T.self)
  }

  private func recurse<T: BitwiseCopyable>(
    _ level: Int, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _: T.Type
  ) {
    let size = MemoryLayout<T>.size
    switch axes.count - level {
    case 0:
      unsafe target.copyMemory(from: source, byteCount: size)
    case 1:
      unsafe copyLine(axes[level], source, target, T.self)
    case 2:
      unsafe copyPlane(axes[level], axes[level + 1], source, target, T.self)
    default:
      let axis = axes[level]
      for index in 0..<axis.count {
        unsafe recurse(
          level + 1, source + index * axis.source * size, target + index * axis.target * size,
          T.self)
      }
    }
  }
}

@inline(__always)
private func copyLine<T: BitwiseCopyable>(
  _ axis: StridedCopy.Axis, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
  _: T.Type
) {
  let size = MemoryLayout<T>.size
  if axis.source == 1, axis.target == 1 {
    unsafe target.copyMemory(from: source, byteCount: axis.count * size)
    return
  }
  for index in 0..<axis.count {
    let value = unsafe source.loadUnaligned(fromByteOffset: index * axis.source * size, as: T.self)
    unsafe target.storeBytes(of: value, toByteOffset: index * axis.target * size, as: T.self)
  }
}

/// Elements along each side of a tile: 32 rows of 32 float32 values are 64 half cache lines on
/// each side and stay in the first-level cache.
private let tileSide = 32

@inline(__always)
private func copyPlane<T: BitwiseCopyable>(
  _ outer: StridedCopy.Axis, _ inner: StridedCopy.Axis, _ source: UnsafeRawPointer,
  _ target: UnsafeMutableRawPointer, _: T.Type
) {
  let size = MemoryLayout<T>.size
  if inner.source == 1, inner.target == 1 {
    for index in 0..<outer.count {
      unsafe (target + index * outer.target * size).copyMemory(
        from: source + index * outer.source * size, byteCount: inner.count * size)
    }
    return
  }
  for rowTile in stride(from: 0, to: outer.count, by: tileSide) {
    let rows = min(tileSide, outer.count - rowTile)
    for columnTile in stride(from: 0, to: inner.count, by: tileSide) {
      let columns = min(tileSide, inner.count - columnTile)
      let from =
        unsafe source + (rowTile * outer.source + columnTile * inner.source) * size
      let to = unsafe target + (rowTile * outer.target + columnTile * inner.target) * size
      for row in 0..<rows {
        let line = StridedCopy.Axis(count: columns, source: inner.source, target: inner.target)
        unsafe copyLine(
          line, from + row * outer.source * size, to + row * outer.target * size, T.self)
      }
    }
  }
}

/// The first and last element that indices within `shape` reach, or `nil` on overflow.
/// `shape` has no zero extent.
package func elementBounds(shape: [Int], strides: [Int], offset: Int) -> ClosedRange<Int>? {
  var (low, high) = (offset, offset)
  for (count, step) in zip(shape, strides) {
    guard let reach = (count - 1).multipliedChecked(by: step) else { return nil }
    if reach < 0 {
      guard let next = low.addingChecked(reach) else { return nil }
      low = next
    } else {
      guard let next = high.addingChecked(reach) else { return nil }
      high = next
    }
  }
  return low...high
}

/// C-order strides in elements: the last dimension is contiguous. `nil` on overflow.
package func contiguousStrides(_ shape: [Int]) -> [Int]? {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() {
    guard let step = strides[axis + 1].multipliedChecked(by: max(shape[axis + 1], 1)) else {
      return nil
    }
    strides[axis] = step
  }
  return strides
}
