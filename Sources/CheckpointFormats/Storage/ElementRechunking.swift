import CheckpointCore

/// Cuts the bytes of a storage, which come in pieces of any size, into runs of whole elements.
struct ElementRechunking {
  private let itemSize: Int
  private let runSize: Int
  /// The index of the next run's first element.
  private var position: Int
  /// An element, or a run, that began in an earlier piece.
  private var pending: [UInt8] = []

  /// - Parameters:
  ///   - runSize: bytes per run, at most; at least one element.
  ///   - position: the index of the first element that will come.
  init(itemSize: Int, runSize: Int, from position: Int) {
    self.itemSize = itemSize
    self.runSize = max(1, runSize / itemSize) * itemSize
    self.position = position
  }

  mutating func add(_ bytes: Span<UInt8>, _ sink: ElementSink) throws {
    var next = 0
    if !pending.isEmpty {
      next = min(bytes.count, (itemSize - pending.count % itemSize) % itemSize)
      append(bytes.extracting(0..<next))
      guard pending.count % itemSize == 0 else { return }
      let whole = pending
      pending = []
      try emit(whole.span, sink)
    }
    while bytes.count - next >= itemSize {
      let count = min(runSize, (bytes.count - next) / itemSize * itemSize)
      try emit(bytes.extracting(next..<next + count), sink)
      next += count
    }
    append(bytes.extracting(next..<bytes.count))
  }

  private mutating func append(_ bytes: Span<UInt8>) {
    for index in bytes.indices { pending.append(bytes[index]) }
  }

  private mutating func emit(_ run: Span<UInt8>, _ sink: ElementSink) throws {
    try sink(position, run)
    position += run.count / itemSize
  }

  /// - Throws: unless the last element that came, whole, is the one before `end`.
  func finish(at end: Int) throws {
    guard pending.isEmpty, position == end else {
      throw CheckpointError("the storage ends at element \(position), \(end) were expected")
    }
  }
}
