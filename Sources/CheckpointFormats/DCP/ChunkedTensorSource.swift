import Bytes
import CheckpointCore

/// A part of a tensor that is stored by itself, possibly in a file of its own.
protocol TensorChunk: Sendable {
  var box: TensorBox { get }
  /// How the elements lie, once it is known where.
  func open() throws -> (layout: ElementLayout, source: any StorageSource)
}

/// A tensor that is stored in parts, as one storage with its elements in C order.
///
/// Where the parts follow each other in that order, which is so wherever the first dimension alone is
/// split, they are passed on as they come; otherwise a few rows of the tensor are put together at a time.
struct ChunkedTensorSource: StorageSource {
  let size: Int
  let storedSize: Int
  var fileOffset: Int? { nil }

  private let shape: Shape
  private let dtype: DType
  /// In the order of their first elements.
  private let chunks: [any TensorChunk]
  /// The dimension along which rows are counted.
  private let rowAxis: Int

  /// Bytes that are put together at a time.
  private static let slabSize = 8 << 20

  /// - Parameter chunks: cover the tensor, each element once.
  /// - Returns: `nil` where the size does not fit 64 bits.
  init?(shape: Shape, dtype: DType, chunks: [any TensorChunk]) {
    guard let size = shape.count.multipliedChecked(by: dtype.itemSize) else { return nil }
    self.size = size
    storedSize = size
    self.shape = shape
    self.dtype = dtype
    self.chunks = chunks.sorted { $0.box.origin.lexicographicallyPrecedes($1.box.origin) }
    // The first along which a row is no more than a slab.
    rowAxis =
      shape.strides.firstIndex { $0 * dtype.itemSize <= Self.slabSize } ?? max(0, shape.rank - 1)
  }

  /// Whether each part is a run of the tensor's elements: it has all of every dimension behind the
  /// first one of which there is more than one index.
  private var isInOrder: Bool {
    let first = shape.dimensions.firstIndex { $0 != 1 } ?? 0
    return chunks.allSatisfy { chunk in
      zip(chunk.box.extents, shape.dimensions).dropFirst(first + 1).allSatisfy { $0 == $1 }
    }
  }

  func stream(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    guard !range.isEmpty else { return }
    if isInOrder {
      try streamInOrder(range, chunkSize: chunkSize, body)
    } else {
      try streamSlabs(range, chunkSize: chunkSize, body)
    }
  }

  private func streamInOrder(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    var start = 0
    for chunk in chunks {
      let end = start + chunk.box.count * dtype.itemSize
      defer { start = end }
      let wanted = range.clamped(to: start..<end)
      guard !wanted.isEmpty else { continue }
      let opened = try chunk.open()
      // Runs of whole elements around the range, cut to it.
      let first = (wanted.lowerBound - start) / dtype.itemSize
      let last = (wanted.upperBound - start + dtype.itemSize - 1) / dtype.itemSize
      try opened.layout.stream(first..<last, from: opened.source, chunkSize: chunkSize) {
        position, run in
        let runStart = start + position * dtype.itemSize
        let part = wanted.clamped(to: runStart..<runStart + run.count)
        try body(run.extracting(part.lowerBound - runStart..<part.upperBound - runStart))
      }
    }
  }

  private func streamSlabs(
    _ range: Range<Int>, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    let rowSize = shape.strides[rowAxis] * dtype.itemSize
    let rowCount = shape.dimensions[rowAxis]
    let last = (range.upperBound + rowSize - 1) / rowSize
    var open: [Int: Opened] = [:]
    var row = range.lowerBound / rowSize
    while row < last {
      // Rows along one axis: those that follow the last have another index before it.
      let count = min(max(1, Self.slabSize / rowSize), last - row, rowCount - row % rowCount)
      let slab = try assemble(row..<row + count, rowSize, &open)
      let start = row * rowSize
      let wanted = range.clamped(to: start..<start + slab.count)
      for part in stride(from: wanted.lowerBound, to: wanted.upperBound, by: chunkSize) {
        let end = min(part + chunkSize, wanted.upperBound)
        try body(slab.span.extracting(part - start..<end - start))
      }
      row += count
    }
  }

  private typealias Opened = (layout: ElementLayout, source: any StorageSource)

  /// The rows `rows`, which differ along `rowAxis` alone.
  ///
  /// - Parameter open: the parts that later rows are in, too, by their indices.
  private func assemble(
    _ rows: Range<Int>, _ rowSize: Int, _ open: inout [Int: Opened]
  ) throws -> [UInt8] {
    try CheckpointError.requireMemory(2 * rows.count * rowSize)
    var slab = [UInt8](repeating: 0, count: rows.count * rowSize)
    let index = index(ofRow: rows.lowerBound)
    let along = index[rowAxis]..<index[rowAxis] + rows.count
    for (number, chunk) in chunks.enumerated() {
      let box = chunk.box
      let common = box.range(rowAxis).clamped(to: along)
      let isBeside = (0..<rowAxis).contains { !box.range($0).contains(index[$0]) }
      guard !common.isEmpty, !isBeside else { continue }
      let opened = try open[number] ?? chunk.open()
      open[number] = lastRow(of: box) >= rows.upperBound ? opened : nil
      // The part's elements along its own axes.
      let inner = box.extents[(rowAxis + 1)...]
      let position = zip(index, zip(box.origin, box.extents)).prefix(rowAxis).reduce(0) {
        $0 * $1.1.1 + $1.0 - $1.1.0
      }
      let firstRow =
        position * box.extents[rowAxis] + common.lowerBound - box.origin[rowAxis]
      let size = inner.reduce(1, *)
      let elements = firstRow * size..<(firstRow + common.count) * size
      try copy(
        elements, extents: [common.count] + inner, opened, into: &slab,
        origin: [common.lowerBound - along.lowerBound] + box.origin[(rowAxis + 1)...])
    }
    return slab
  }

  /// The index of a row's first element along the dimensions as far as `rowAxis`.
  private func index(ofRow row: Int) -> [Int] {
    var rest = row
    var index: [Int] = []
    for extent in shape.dimensions[...rowAxis].reversed() {
      index.append(rest % extent)
      rest /= extent
    }
    return index.reversed()
  }

  private func lastRow(of box: TensorBox) -> Int {
    (0...rowAxis).reduce(0) {
      $0 * shape.dimensions[$1] + box.origin[$1] + box.extents[$1] - 1
    }
  }

  /// Copies elements of a part, counted in its own order, to the place `origin` in a slab.
  private func copy(
    _ elements: Range<Int>, extents: [Int], _ opened: Opened, into slab: inout [UInt8],
    origin: [Int]
  ) throws {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(elements.count * dtype.itemSize)
    try opened.layout.stream(
      elements, from: opened.source, chunkSize: Streaming.chunkSize
    ) { _, run in
      unsafe run.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
    let strides = Array(shape.strides[rowAxis...])
    var target = slab.mutableSpan
    let copied = StridedCopy(
      shape: extents, sourceStrides: contiguousStrides(extents) ?? [], targetStrides: strides,
      targetOffset: zip(origin, strides).reduce(0) { $0 + $1.0 * $1.1 })?(
        from: bytes.span, to: &target, elementSize: dtype.itemSize)
    guard copied == true else {
      throw CheckpointError("a part of the tensor does not fit its place at \(origin)")
    }
  }
}

extension StoredTensors {
  /// Adds a tensor that is stored in parts, or throws unless they cover it.
  mutating func add(
    _ name: TensorName, _ dtype: DType, _ shape: Shape, parts: [any TensorChunk]
  ) throws {
    let parts = parts.filter { !$0.box.isEmpty }
    if let fault = TensorBox.fault(of: parts.map(\.box), in: shape) {
      throw CheckpointError(
        entry: name, "\(dtype) \(shape): \(fault)",
        advice: "the checkpoint is damaged; fetch or save it again")
    }
    guard let source = ChunkedTensorSource(shape: shape, dtype: dtype, chunks: parts) else {
      throw CheckpointError(entry: name, "\(dtype) \(shape) does not fit 64 bits")
    }
    let layout = ElementLayout(
      dtype: dtype, shape: shape, byteOffset: 0, strides: shape.strides)
    try add(name, layout, in: source, key: name.text)
  }
}
