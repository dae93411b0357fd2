import Bytes
import CheckpointCore

/// How the elements of a tensor lie in a storage.
struct ElementLayout: Sendable {
  let dtype: DType
  let shape: Shape
  /// The byte of the storage where element (0, …, 0) begins.
  let byteOffset: Int
  /// Steps in elements, one per dimension, none negative.
  let strides: [Int]
  var isBigEndian = false
  /// The stored values are the conjugate of the tensor's (PyTorch's lazy `conj()`).
  var isConjugated = false
  /// The stored values are the negative of the tensor's (PyTorch's lazy `_neg_view()`).
  var isNegated = false

  /// The bytes of the storage that the elements reach; `nil` where the arithmetic overflows.
  /// Empty for a tensor without elements.
  var byteRange: Range<Int>? {
    guard shape.count > 0 else { return 0..<0 }
    let size = dtype.itemSize
    guard let bounds = elementBounds(shape: shape.dimensions, strides: strides, offset: 0),
      bounds.lowerBound >= 0,
      let end = bounds.upperBound.addingChecked(1)?.multipliedChecked(by: size)?
        .addingChecked(byteOffset), byteOffset >= 0
    else { return nil }
    return byteOffset..<end
  }

  /// Elements in C order, one after the other. The stride of an extent of 1 says nothing.
  var isContiguous: Bool {
    zip(shape.dimensions, zip(strides, shape.strides)).allSatisfy { $0 == 1 || $1.0 == $1.1 }
  }

  private var needsValueChange: Bool {
    isConjugated || isNegated || (isBigEndian && dtype.componentSize > 1)
  }

  /// Streams the elements `range`, counted in C order, from `source`.
  func stream(
    _ range: Range<Int>, from source: some StorageSource, chunkSize: Int, _ sink: ElementSink
  ) throws {
    guard !range.isEmpty, shape.count > 0 else { return }
    guard let bytes = byteRange, bytes.upperBound <= source.size,
      range.lowerBound >= 0, range.upperBound <= shape.count
    else {
      throw CheckpointError(
        "the tensor reaches beyond its storage of \(source.size) bytes",
        advice: "the file is damaged; save it again")
    }
    guard isContiguous else {
      return try gather(range, try source.read(bytes), chunkSize: chunkSize, sink)
    }
    let size = dtype.itemSize
    let wholeElements = max(1, chunkSize / size) * size
    var runs = ElementRechunking(itemSize: size, runSize: wholeElements, from: range.lowerBound)
    let wanted = byteOffset + range.lowerBound * size..<byteOffset + range.upperBound * size
    try source.stream(wanted, chunkSize: wholeElements) { piece in
      try runs.add(piece) { try emit($0, $1, sink) }
    }
    try runs.finish(at: range.upperBound)
  }

  private func emit(_ position: Int, _ run: Span<UInt8>, _ sink: ElementSink) throws {
    guard needsValueChange else { return try sink(position, run) }
    var copy = unsafe run.withUnsafeBufferPointer { unsafe Array($0) }
    var bytes = copy.mutableSpan
    changeValues(&bytes)
    try sink(position, copy.span)
  }

  private func changeValues(_ bytes: inout MutableSpan<UInt8>) {
    if isBigEndian { swapBytes(&bytes, width: dtype.componentSize) }
    guard isConjugated || isNegated else { return }
    // The sign is the top bit of a little-endian number, in every floating-point format here.
    let size = dtype.componentSize
    for (component, start) in stride(from: 0, to: bytes.count, by: size).enumerated() {
      let isImaginary = dtype.isComplex && component % 2 == 1
      if isNegated != (isConjugated && isImaginary) { bytes[start + size - 1] ^= 0x80 }
    }
  }

  /// Gathers strided elements block by block, so that a view whose elements repeat (stride 0) never
  /// takes more memory than its storage and one chunk.
  private func gather(
    _ range: Range<Int>, _ storage: [UInt8], chunkSize: Int, _ sink: ElementSink
  ) throws {
    let elements = max(1, chunkSize / dtype.itemSize)
    let strides = shape.strides
    // The outermost dimension whose single index fits a chunk; within it, as many as fit.
    let axis = strides.firstIndex { $0 <= elements } ?? max(0, shape.rank - 1)
    let step = max(1, elements / max(1, strides[axis]))
    let outerCount = shape.dimensions[..<axis].reduce(1, *)
    let inner = Array(shape.dimensions[(axis + 1)...])
    var index = [Int](repeating: 0, count: axis)
    var position = 0
    for _ in 0..<outerCount {
      let base = zip(index, self.strides).reduce(0) { $0 + $1.0 * $1.1 }
      for start in stride(from: 0, to: shape.dimensions[axis], by: step) {
        let block = [min(step, shape.dimensions[axis] - start)] + inner
        let elements = position..<position + block.reduce(1, *)
        position = elements.upperBound
        guard elements.overlaps(range) else { continue }
        let wanted = elements.clamped(to: range)
        let bytes = try gatherBlock(
          block, Array(self.strides[axis...]), offset: base + start * self.strides[axis], storage)
        let first = (wanted.lowerBound - elements.lowerBound) * dtype.itemSize
        try sink(
          wanted.lowerBound,
          bytes.span.extracting(first..<first + wanted.count * dtype.itemSize))
      }
      advance(&index, within: shape.dimensions[..<axis])
    }
  }

  private func gatherBlock(
    _ block: [Int], _ blockStrides: [Int], offset: Int, _ storage: [UInt8]
  ) throws -> [UInt8] {
    let size = dtype.itemSize
    var chunk = [UInt8](repeating: 0, count: block.reduce(size, *))
    var target = chunk.mutableSpan
    let copied = StridedCopy(
      shape: block, sourceStrides: blockStrides, sourceOffset: offset,
      targetStrides: contiguousStrides(block) ?? [])?(
        from: storage.span, to: &target, elementSize: size)
    guard copied == true else {
      throw CheckpointError("the tensor's strides reach beyond its storage")
    }
    changeValues(&target)
    return chunk
  }
}

/// The next index in C order; wraps to zero after the last.
private func advance(_ index: inout [Int], within extents: ArraySlice<Int>) {
  for axis in index.indices.reversed() {
    index[axis] += 1
    if index[axis] < extents[axis] { return }
    index[axis] = 0
  }
}
