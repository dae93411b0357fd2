import Bytes
import CheckpointCore
import Synchronization

/// What is known of the values of two files' tensors, and whether a layout leads from one to the
/// other.
struct ValueEvidence: Sendable {
  /// A sum over a tensor's numbers that does not depend on their order, and that zeros do not change:
  /// equal for tensors that hold the same numbers.
  struct Print: Sendable, Hashable {
    var sum: UInt64 = 0
    var nonzeroCount = 0
    /// Whether all numbers are the same.
    var isConstant = true

    static func + (a: Print, b: Print) -> Print {
      Print(sum: a.sum &+ b.sum, nonzeroCount: a.nonzeroCount + b.nonzeroCount, isConstant: false)
    }

    func holdsTheSame(as other: Print) -> Bool {
      sum == other.sum && nonzeroCount == other.nonzeroCount
    }
  }

  let sources: [TensorInfo]
  let sourceReader: any CheckpointReader
  let targets: [TensorInfo]
  let targetReader: any CheckpointReader
  let sourcePrints: [Print]
  let targetPrints: [Print]
  let threads: Int
  private let sourceIndex: [TensorName: Int]
  private let targetIndex: [TensorName: Int]

  init(
    _ sources: [TensorInfo], _ sourceReader: any CheckpointReader, _ targets: [TensorInfo],
    _ targetReader: any CheckpointReader, threads: Int
  ) throws {
    self.sources = sources
    self.sourceReader = sourceReader
    self.targets = targets
    self.targetReader = targetReader
    self.threads = threads
    sourcePrints = try parallelMap(sources.count, threads: threads) {
      try Self.print(sources[$0], sourceReader)
    }
    targetPrints = try parallelMap(targets.count, threads: threads) {
      try Self.print(targets[$0], targetReader)
    }
    sourceIndex = sources.placesByName
    targetIndex = targets.placesByName
  }

  private static func print(_ tensor: TensorInfo, _ reader: any CheckpointReader) throws -> Print {
    var print = Print()
    var first: UInt64?
    var values: [Double] = []
    try reader.stream(tensor) { _, run in
      decodeDoubles(run, tensor.dtype, into: &values)
      for value in values {
        let bits = value == 0 ? 0 : value.bitPattern
        if let first { if first != bits { print.isConstant = false } } else { first = bits }
        guard bits != 0 else { continue }
        print.sum &+= mixed(bits)
        print.nonzeroCount += 1
      }
    }
    return print
  }

  /// A hash of 64 bits in which every bit depends on every other (the finalizer of MurmurHash3).
  static func mixed(_ bits: UInt64) -> UInt64 {
    var x = bits
    x ^= x >> 33
    x &*= 0xFF51_AFD7_ED55_8CCD
    x ^= x >> 33
    x &*= 0xC4CE_B9FE_1A85_EC53
    return x ^ (x >> 33)
  }

  /// Whether a tensor's numbers tell it from others.
  func isConstant(_ names: [TensorName]) -> Bool {
    names.allSatisfy { sourceIndex[$0].map { sourcePrints[$0].isConstant } ?? true }
  }

  /// Whether the layout makes the targets, as they are in the file, of the sources.
  func holds(
    _ layout: NamedLayout, _ sources: [TensorName], _ targets: [TensorName]
  ) throws -> Bool {
    let from = sources.compactMap { sourceIndex[$0] }
    let to = targets.compactMap { targetIndex[$0] }
    guard from.count == sources.count, to.count == targets.count else { return false }
    if layout.layout.at.isEmpty {
      let whole = from.reduce(Print()) { $0 + sourcePrints[$1] }
      let made = to.reduce(Print()) { $0 + targetPrints[$1] }
      guard whole.holdsTheSame(as: made) else { return false }
    }
    let inputs = from.map { self.sources[$0] }
    guard inputs.allSatisfy({ $0.dtype == inputs[0].dtype }) else { return false }
    guard
      let binding = LayoutBinding.literal(
        layout.layout, sources: inputs.map(\.shape), targets: to.map { self.targets[$0].shape })
    else { return false }
    for (place, index) in to.enumerated() {
      guard let way = binding.forward(target: place) else { return false }
      var made: [Double] = []
      var found: [Double] = []
      let bytes = try way.assembled(from: sourceReader, inputs)
      decodeDoubles(bytes.span, inputs[0].dtype, into: &made)
      let target = self.targets[index]
      found = try collectDoubles(target.dtype, count: target.shape.count) {
        try targetReader.stream(target, $0)
      }
      guard made.count == found.count,
        zip(made, found).allSatisfy({ $0 == $1 || ($0.isNaN && $1.isNaN) })
      else { return false }
    }
    return true
  }
}

extension Rearrangement {
  /// The output's elements, from tensors of a file.
  func assembled(from reader: any CheckpointReader, _ inputs: [TensorInfo]) throws -> [UInt8] {
    let size = inputs[0].dtype.itemSize
    var output = [UInt8](repeating: 0, count: self.output.count * size)
    var assembler = TensorAssembler(self, elementSize: size)
    assembler.begin(&output)
    for (index, piece) in pieces.enumerated() {
      try reader.stream(
        inputs[piece.region.input], elements: piece.region.span, chunkSize: Streaming.chunkSize
      ) { position, run in
        try assembler.place(run, at: position, piece: index, into: &output)
      }
    }
    try assembler.finish()
    return output
  }
}
