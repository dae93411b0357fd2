import CheckpointCore
package import CheckpointMapping
import ReferenceLayers

/// Whether two recorded runs of one model agree, where they part, and why: for any model.
///
/// Calls are judged in the order of the source's execution, each from its own inputs, so that a fault
/// does not hide those behind it.
public struct RecordingVerification: Sendable {
  /// Pairs of calls that were compared.
  public let calls: Int
  /// Calls that only one model makes.
  public let unpaired: [Unpaired]
  /// In the order of execution.
  public let faults: [Fault]
  /// Choices and weights that differ without an effect in this run.
  public let ineffective: [Ineffective]
  /// Calls behind a fault that could not be judged from their own inputs.
  public let unjudged: [String]
  /// The layouts in which tensors were found, each with how many.
  public let layouts: [(layout: String, count: Int)]
  /// What the comparison lacks.
  public let notes: [String]

  /// A call without a counterpart.
  public struct Unpaired: Sendable {
    /// Whose call it is.
    public enum Side: String, Sendable { case source, converted }
    /// Whose call it is.
    public let side: Side
    /// The called module's path.
    public let path: String
    /// The called module's class.
    public let className: String
  }

  /// A difference between two calls that changes nothing in this run.
  public struct Ineffective: Sendable {
    /// The converted model's module.
    public let converted: String
    /// What differs.
    public let cause: Cause
  }

  /// Whether no fault was found.
  public var agrees: Bool { faults.isEmpty }

  /// - Parameters:
  ///   - weights: of both models, for the causes that need them.
  ///   - mapping: which parameters of the two models are the same.
  /// - Throws: `CheckpointError` where a recording cannot be read, or the two have no call in common.
  package init(
    source: Recording, converted: Recording,
    weights: (source: ModelWeights?, converted: ModelWeights?) = (nil, nil),
    mapping: ModelDocument? = nil, tolerance: RecordingTolerance = .standard
  ) throws {
    try BLAS.require()
    let owners = try mapping.map { try ParameterOwners($0, source, converted, weights: weights) }
    let pairing = try CallPairing(source, converted, owners: owners)
    guard !pairing.pairs.isEmpty else {
      throw CheckpointError(
        file: converted.path, "no call of it goes with a call of \(source.path)",
        advice: "record both models on the same input, or name their mapping with --map")
    }
    var walk = try RecordingWalk(
      (source, converted), pairing, weights: weights, owners: owners, tolerance: tolerance)
    for pair in pairing.pairs { try walk.visit(pair) }
    try walk.finish()
    calls = pairing.pairs.count
    unpaired = Self.unpaired(pairing)
    faults = walk.faults
    ineffective = walk.ineffective
    unjudged = walk.unjudged
    layouts = walk.layouts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { ($0.key, $0.value) }
    notes =
      source.notes.map { "\(source.path): \($0)" }
      + converted.notes.map { "\(converted.path): \($0)" }
      + (weights.source == nil
        ? ["without the two checkpoints, causes that need weights are left out"] : [])
  }

  private static func unpaired(_ pairing: CallPairing) -> [Unpaired] {
    pairing.unpairedSource.map {
      Unpaired(side: .source, path: $0.title, className: $0.className)
    }
      + pairing.unpairedConverted.map {
        Unpaired(side: .converted, path: $0.title, className: $0.className)
      }
  }
}
