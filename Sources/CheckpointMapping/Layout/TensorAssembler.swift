import CheckpointCore

/// Puts an output tensor together from runs of its inputs' elements, which may come in any order and
/// be cut anywhere.
struct TensorAssembler: ~Copyable {
  private let rearrangement: Rearrangement
  private let elementSize: Int
  /// Per piece, the elements of its input that it needs.
  private var coverage: [ElementCoverage]

  init(_ rearrangement: Rearrangement, elementSize: Int) {
    self.rearrangement = rearrangement
    self.elementSize = elementSize
    coverage = rearrangement.pieces.map { ElementCoverage($0.region.span) }
  }

  /// Sets the elements of `output` that come from no input to zero.
  func begin(_ output: inout [UInt8]) {
    guard rearrangement.hasGaps else { return }
    for index in output.indices { output[index] = 0 }
  }

  /// Puts the elements of a run that piece `index` needs in their place.
  ///
  /// - Parameter position: the number, in C order, of the run's first element in its input.
  /// - Throws: `CheckpointError` where an element comes twice, or is none that was asked for.
  mutating func place(
    _ run: Span<UInt8>, at position: Int, piece index: Int, into output: inout [UInt8]
  ) throws {
    let range = position..<position + run.count / elementSize
    try coverage[index].add(range)
    var span = output.mutableSpan
    let piece = rearrangement.pieces[index]
    guard piece.copy(run, elements: range, into: &span, elementSize: elementSize) != nil else {
      throw CheckpointError(
        "an input of shape \(rearrangement.inputs[piece.region.input]) does not fit "
          + "\(rearrangement.output)")
    }
  }

  /// - Throws: `CheckpointError` unless every element that was asked for has arrived.
  consuming func finish() throws {
    for piece in coverage { try piece.finish() }
  }
}
