import CheckpointCore

/// Which slices of a tensor, along its first and its last axis, hold nothing but zeros. Which of the
/// two counts a layer's outputs depends on the framework: PyTorch's come first, Flax's last.
struct DeadChannels {
  private let rowSize: Int
  private let columnCount: Int
  /// Whether anything but zero was seen.
  private var rows: [Bool]
  private var columns: [Bool]
  private var values: [Double] = []

  /// Longer axes are no channels of a layer, and would cost a table as long.
  private static let maximumExtent = 1 << 20

  /// - Returns: `nil` for a tensor that has no channels: a scalar, a vector, one without elements.
  init?(_ tensor: TensorInfo) {
    let extents = tensor.shape.dimensions
    guard extents.count >= 2, tensor.shape.count > 0, tensor.dtype.numbersPerElement == 1,
      extents[0] <= Self.maximumExtent, extents[extents.count - 1] <= Self.maximumExtent
    else { return nil }
    rowSize = tensor.shape.count / extents[0]
    columnCount = extents[extents.count - 1]
    rows = [Bool](repeating: false, count: extents[0])
    columns = [Bool](repeating: false, count: columnCount)
  }

  /// - Parameter hasZeros: whether any of the elements is zero; most runs have none, and are then
  ///   not looked at.
  mutating func add(at position: Int, _ bytes: Span<UInt8>, _ dtype: DType, hasZeros: Bool) {
    guard hasZeros else {
      return addNonzero(position..<position + bytes.count / dtype.itemSize)
    }
    decodeDoubles(bytes, dtype, into: &values)
    var (row, inRow) = position.quotientAndRemainder(dividingBy: rowSize)
    var column = position % columnCount
    for value in values {
      if value != 0 {
        rows[row] = true
        columns[column] = true
      }
      inRow += 1
      column += 1
      if column == columnCount { column = 0 }
      if inRow == rowSize { (row, inRow) = (row + 1, 0) }
    }
  }

  private mutating func addNonzero(_ elements: Range<Int>) {
    guard !elements.isEmpty else { return }
    for row in elements.lowerBound / rowSize...(elements.upperBound - 1) / rowSize {
      rows[row] = true
    }
    for element in elements.prefix(columnCount) { columns[element % columnCount] = true }
  }

  /// The slices along each axis in which everything is zero.
  var counts: (first: Int, last: Int) {
    (first: rows.count { !$0 }, last: columns.count { !$0 })
  }
}
