import Bytes
public import CheckpointCore

extension ConversionPlan {
  /// The tensors to write. Each is read and rearranged when the writer asks for it.
  public func outputs(from reader: any CheckpointReader) -> [OutputTensor] {
    let pool = BufferPool()
    return steps.map { step in
      OutputTensor(
        name: step.name, dtype: step.dtype, shape: step.shape, aliasOf: step.aliasOf,
        workingMemory: step.workingMemory
      ) { sink in
        try step.produce(from: reader, pool, sink)
      }
    }
  }

  /// Checks that names which the mapping holds to be one tensor do hold the same elements.
  public func checkEqualPairs(in reader: any CheckpointReader) throws {
    for pair in equalPairs {
      let comparable =
        pair.alias.shape == pair.original.shape && pair.alias.dtype == pair.original.dtype
      guard comparable, try reader.read(pair.alias) == reader.read(pair.original) else {
        throw CheckpointError(
          entry: pair.alias.nameInFile,
          "this should be \(pair.original.name) under a second name, but its elements differ",
          advice: "one of the two is wrong; leave it out with --exclude to convert without it")
      }
    }
  }
}

extension ConversionPlan.Step {
  fileprivate var workingMemory: Int {
    let bytes = shape.count * dtype.itemSize
    switch operation {
    case .scatter(let transform) where !transform.isCopy: return bytes + 2 * Streaming.chunkSize
    case .gather(let transform, _) where !transform.isCopy: return bytes + sources[0].byteCount
    default: return Streaming.chunkSize
    }
  }

  fileprivate func produce(
    from reader: any CheckpointReader, _ pool: BufferPool, _ sink: ElementSink
  ) throws {
    let size = dtype.itemSize
    switch operation {
    case .alias: break
    case .fill(let value): try fill(value, sink)
    case .scatter(let transform) where transform.isCopy,
      .gather(let transform, _) where transform.isCopy:
      try reader.stream(sources[0], chunkSize: Streaming.chunkSize, sink)
    case .scatter(let transform):
      try pool.withBuffer(shape.count * size) { target in
        try assemble(transform, from: reader, into: &target)
        try sink(0, target.span)
      }
    case .gather(let transform, let index):
      let whole = try reader.read(sources[0])
      try checkZeros(transform.zeros, in: whole)
      var part = [UInt8](repeating: 0, count: shape.count * size)
      var span = part.mutableSpan
      try transform.gather(index: index, from: whole.span, into: &span, elementSize: size)
      try sink(0, part.span)
    }
  }

  /// Every element of `target`, from all the sources.
  private func assemble(
    _ transform: LayoutTransform, from reader: any CheckpointReader, into target: inout [UInt8]
  ) throws {
    var assembler = TensorAssembler(transform, elementSize: dtype.itemSize)
    assembler.begin(&target)
    for (index, source) in sources.enumerated() {
      try reader.stream(source) { position, run in
        try assembler.place(run, at: position, of: index, into: &target)
      }
    }
    try assembler.finish()
  }

  /// What the forward mapping fills with zeros must be zero, or the way back would lose it.
  private func checkZeros(_ zeros: Range<Int>, in bytes: [UInt8]) throws {
    let size = dtype.itemSize
    guard
      let bad = zeros.first(where: { element in
        // A negative zero is a zero: its sign bit is the top one.
        let last = element * size + size - 1
        return bytes[element * size..<last].contains { $0 != 0 } || bytes[last] & 0x7F != 0
      })
    else { return }
    throw CheckpointError(
      entry: sources[0].nameInFile,
      "element \(bad) is not zero, but \(name) has no place for it: Flax's layer keeps no such bias",
      advice: "add these elements to the input bias of the same gates, which computes the same")
  }

  private func fill(_ value: Double, _ sink: ElementSink) throws {
    let pattern =
      dtype == .float32 ? UInt64(Float(value).bitPattern) : value.bitPattern
    let element = (0..<dtype.itemSize).map { UInt8(truncatingIfNeeded: pattern >> (8 * $0)) }
    let perChunk = max(1, Streaming.chunkSize / element.count)
    for position in stride(from: 0, to: shape.count, by: perChunk) {
      let count = min(shape.count - position, perChunk)
      let chunk = [UInt8]((0..<count).map { _ in element }.joined())
      try sink(position, chunk.span)
    }
  }
}
