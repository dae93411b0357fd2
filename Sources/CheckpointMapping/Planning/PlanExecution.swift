import Bytes
package import CheckpointCore

extension ConversionPlan {
  /// The tensors to write. Each is read and rearranged when the writer asks for it.
  ///
  /// - Parameter template: the reader of the file that rules copy tensors from.
  package func outputs(
    from reader: any CheckpointReader, template: (any CheckpointReader)? = nil
  ) -> [OutputTensor] {
    let pool = BufferPool()
    return steps.map { step in
      OutputTensor(
        name: step.name, dtype: step.dtype, shape: step.shape, aliasOf: step.aliasOf,
        workingMemory: step.workingMemory
      ) { sink in
        try step.produce(from: reader, template, pool, sink)
      }
    }
  }

  /// Checks that names which the mapping holds to be one tensor do hold the same elements.
  package func checkEqualPairs(in reader: any CheckpointReader) throws {
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
    guard case .rearrange(let way, let change) = operation, way.copiedElements == nil else {
      return Streaming.chunkSize
    }
    let bytes = shape.count * dtype.itemSize
    return (change == nil ? bytes : 2 * bytes) + 2 * Streaming.chunkSize
  }

  fileprivate func produce(
    from reader: any CheckpointReader, _ template: (any CheckpointReader)?, _ pool: BufferPool,
    _ sink: ElementSink
  ) throws {
    switch operation {
    case .alias: break
    case .constant(let value): try fill(value, sink)
    case .template(let tensor):
      guard let template else {
        throw CheckpointError(entry: name, "the file it is copied from is not open")
      }
      try template.stream(tensor, sink)
    case .rearrange(let way, let change):
      try checkZeros(way, reader)
      if let elements = way.copiedElements {
        try reader.stream(
          sources[0], elements: elements, chunkSize: Streaming.chunkSize
        ) { position, run in
          try pass(run, at: position - elements.lowerBound, change, sink)
        }
      } else {
        try pool.withBuffer(shape.count * dtype.itemSize) { output in
          try assemble(way, from: reader, into: &output)
          try pass(output.span, at: 0, change, sink)
        }
      }
    }
  }

  private func pass(
    _ run: Span<UInt8>, at position: Int, _ change: ValueOperation?, _ sink: ElementSink
  ) throws {
    guard let change else { return try sink(position, run) }
    let changed = try change.apply(run, dtype)
    try sink(position, changed.span)
  }

  /// Every element of `output`, from all the inputs.
  private func assemble(
    _ way: Rearrangement, from reader: any CheckpointReader, into output: inout [UInt8]
  ) throws {
    var assembler = TensorAssembler(way, elementSize: dtype.itemSize)
    assembler.begin(&output)
    for (index, piece) in way.pieces.enumerated() {
      try reader.stream(
        sources[piece.region.input], elements: piece.region.span, chunkSize: Streaming.chunkSize
      ) { position, run in
        try assembler.place(run, at: position, piece: index, into: &output)
      }
    }
    try assembler.finish()
  }

  /// What the forward mapping fills with zeros must be zero, or the way back would lose it.
  private func checkZeros(_ way: Rearrangement, _ reader: any CheckpointReader) throws {
    let size = dtype.itemSize
    for region in way.zeros {
      let source = sources[region.input]
      let steps = contiguousStrides(region.axes) ?? []
      let bytes = try reader.read(source, elements: region.span)
      for element in region.span where region.holds(element, steps) {
        // A negative zero is a zero: its sign bit is the top one.
        let start = (element - region.span.lowerBound) * size
        let isZero =
          bytes[start..<start + size - 1].allSatisfy { $0 == 0 }
          && bytes[start + size - 1] & 0x7F == 0
        guard isZero else {
          throw CheckpointError(
            entry: source.nameInFile,
            "element \(element) is not zero, but \(name) has no place for it: "
              + "the other side's layer keeps no such number",
            advice:
              "where it is a gate's recurrent bias, add it to the input bias of the same gate, "
              + "which computes the same")
        }
      }
    }
  }

  private func fill(_ value: MappingRule.Constant.Value, _ sink: ElementSink) throws {
    let perChunk = max(1, Streaming.chunkSize / dtype.itemSize)
    let width = max(1, shape.dimensions.last ?? 1)
    for position in stride(from: 0, to: shape.count, by: perChunk) {
      let values = (position..<min(position + perChunk, shape.count)).map { index -> Double in
        switch value {
        case .number(let number): number
        case .range: Double(index % width)
        }
      }
      var chunk: [UInt8] = []
      if dtype.isInteger {
        for value in values {
          let bits = UInt64(bitPattern: Int64(clamping: value))
          for byte in 0..<dtype.itemSize {
            chunk.append(UInt8(truncatingIfNeeded: bits >> (8 * byte)))
          }
        }
      } else {
        ElementCast.encode(values, as: dtype, into: &chunk)
      }
      try sink(position, chunk.span)
    }
  }
}

extension Int64 {
  /// The integer that a document's constant is; the parser has checked that it fits its dtype.
  fileprivate init(clamping value: Double) {
    self = Int64(exactly: value) ?? (value < 0 ? .min : .max)
  }
}

extension Rearrangement.Region {
  /// Whether the element, counted in C order, lies within.
  fileprivate func holds(_ element: Int, _ steps: [Int]) -> Bool {
    var rest = element
    for (axis, step) in steps.enumerated() {
      let index = rest / max(1, step)
      rest %= max(1, step)
      guard index >= box.origin[axis], index < box.origin[axis] + box.extents[axis] else {
        return false
      }
    }
    return true
  }
}
